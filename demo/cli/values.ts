/** Parsers for the values of settings. Each throws an Error that says what the value must be. */
/** A number within bounds, in plain decimal notation. */
export const numberIn =
  (min: number, max: number) =>
  (text: string): number => {
    const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new Error(`must be a number from ${min} to ${max}`);
  };

export const integerIn =
  (min: number, max: number) =>
  (text: string): number => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new Error(`must be a whole number from ${min} to ${max}`);
  };

/** A fraction: 0.1 is every tenth. */
export const share = numberIn(0, 1);

export function httpUrl(text: string): string {
  const protocol = URL.canParse(text) ? new URL(text).protocol : '';
  if (protocol === 'http:' || protocol === 'https:') return text;
  throw new Error('must be a URL that begins with http:// or https://');
}

export function redisUrl(text: string): string {
  if (/^rediss?:\/\/[^/]/.test(text) && URL.canParse(text)) return text;
  if (/^redis-cluster:\/\/[\w.-]+:\d+(,[\w.-]+:\d+)*$/.test(text)) return text;
  throw new Error('must be a URL that begins with redis:// or rediss://, or redis-cluster://host:port,…');
}

/** Text that is valid as the value of an HTTP header. */
export function headerText(text: string): string {
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw new Error('must be printable ASCII without blanks');
}

export function basePath(text: string): string {
  if (text === '/') return '';
  if (/^(?:\/[\w.~-]+)+$/.test(text)) return text;
  throw new Error('must be a path like /api/v1, or / for none');
}

export function hostName(text: string): string {
  if (/^[\w.:-]+$/.test(text)) return text;
  throw new Error('must be a host name or an IP address');
}

export function yes(text: string): boolean {
  if (['true', '1', 'yes'].includes(text)) return true;
  if (['false', '0', 'no'].includes(text)) return false;
  throw new Error('must be true or false');
}

export const text = (value: string): string => value;
