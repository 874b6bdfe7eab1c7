// The formats that contracts may ask for, checked in time linear in the text.

const daysOfMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const datePattern = /^(\d{4})-(\d\d)-(\d\d)$/;
const timePattern = /^(\d\d):(\d\d):(\d\d)(?:\.\d+)?(z|[+-](\d\d)(?::?(\d\d))?)$/i;
const uuidPattern = /^(?:urn:uuid:)?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const localPartPattern = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+$/i;
const labelPattern = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i;
const schemePattern = /^[a-z][a-z0-9+.-]*:/i;
// RFC 3986: unreserved, reserved, and percent-encoded bytes.
const uriCharacters = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/;

/** A check for each format, by its name. */
export const formats: Readonly<Record<string, (text: string) => boolean>> = {
  date: isDate,
  'date-time': isDateTime,
  uuid: (text) => uuidPattern.test(text),
  email: isEmail,
  uri: isUri,
};

function isDate(text: string): boolean {
  const found = datePattern.exec(text);
  if (found === null) return false;
  const [year, month, day] = [Number(found[1]), Number(found[2]), Number(found[3])];
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = month === 2 && leap ? 29 : (daysOfMonth[month - 1] ?? 0);
  return day >= 1 && day <= days;
}

function isDateTime(text: string): boolean {
  if (text.length < 20 || !/[t\s]/i.test(text[10] ?? '')) return false;
  return isDate(text.slice(0, 10)) && isTime(text.slice(11));
}

function isTime(text: string): boolean {
  const found = timePattern.exec(text);
  if (found === null) return false;
  const [hour, minute, second] = [Number(found[1]), Number(found[2]), Number(found[3])];
  const sign = found[4]?.startsWith('-') === true ? -1 : 1;
  const [zoneHour, zoneMinute] = [Number(found[5] ?? 0), Number(found[6] ?? 0)];
  if (zoneHour > 23 || zoneMinute > 59 || hour > 23 || minute > 59) return false;
  if (second < 60) return true;
  // A leap second is 23:59:60 UTC.
  const utcMinutes = (hour * 60 + minute - sign * (zoneHour * 60 + zoneMinute) + 2880) % 1440;
  return second === 60 && utcMinutes === 1439;
}

function isEmail(text: string): boolean {
  const at = text.lastIndexOf('@');
  if (at < 1) return false;
  const locals = text.slice(0, at).split('.');
  const labels = text.slice(at + 1).split('.');
  return (
    locals.every((part) => localPartPattern.test(part)) &&
    labels.length >= 2 &&
    labels.every((label) => label.length <= 63 && labelPattern.test(label))
  );
}

function isUri(text: string): boolean {
  const scheme = schemePattern.exec(text);
  if (scheme === null || !uriCharacters.test(text)) return false;
  const rest = text.slice(scheme[0].length).split('#');
  if (rest.length > 2) return false;
  const authority = /^\/\/([^/?]*)/.exec(rest[0] ?? '')?.[1];
  if (authority === undefined) return !/[[\]]/.test(text);
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  return /^(?:\[[0-9A-Fa-f:.]+\]|[^[\]:]*)(?::\d*)?$/.test(host);
}
