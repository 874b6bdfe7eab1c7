// A step of one's own: what a flight adds to the statistics of its hour and airport.
import { map } from 'runink';

interface Located {
  date: string;
  delay: number;
  origin: string;
  city?: string;
  state?: string;
}

const lateMinutes = 15;

export const Score = map<Located>(({ date, delay, origin, city, state }) => ({
  origin,
  city: city === undefined ? 'unknown' : `${city}, ${state}`,
  hour: Number(date.slice(11, 13)),
  delay,
  late: delay > lateMinutes ? 1 : 0,
}));
