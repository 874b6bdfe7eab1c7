// The exchange of these tests does nothing: the test itself listens where an exchange would.
setInterval(() => {}, 1_000_000);
