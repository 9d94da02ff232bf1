/** What stands behind the last `@` of an address, as it is written; null: there is none. */
export function domainOf(email: string): string | null {
  const at = email.lastIndexOf('@');
  return at < 0 ? null : email.slice(at + 1);
}
