export type RedisAddress = {
  host: string;
  port: number;
  /** '' for none; the same for all servers of a Cluster. */
  username: string;
  password: string;
  db: number;
  isTls: boolean;
};

const addressOf = (text: string): RedisAddress | null => {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const db = /^\/?(\d{0,4})$/.exec(url.pathname)?.[1];
  if (!/^rediss?:$/.test(url.protocol) || url.hostname === '') return null;
  if (db === undefined || url.search !== '' || url.hash !== '') return null;
  return {
    // An IPv6 address stands in brackets only within a URL.
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? 6379 : Number(url.port),
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    db: Number(db),
    isTls: url.protocol === 'rediss:',
  };
};

const partsOf = (url: string): string[] =>
  url
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** Whether these are Redis addresses, separated by commas, that one program can use together. */
export const isRedisUrl = (url: string): boolean => {
  const addresses = partsOf(url).map(addressOf);
  const [first] = addresses;
  if (!first) return false;
  return addresses.every(
    (each) =>
      each !== null &&
      each.isTls === first.isTls &&
      // A Cluster has only database 0.
      (addresses.length === 1 || each.db === 0),
  );
};

/** The addresses in a REDIS_URL that the configuration has accepted. */
export const redisAddresses = (url: string): RedisAddress[] =>
  partsOf(url).flatMap((part) => addressOf(part) ?? []);
