/**
 * Creates a token for trying things out, signed with JWT_SECRET:
 * `npm run token -- --sub jane --files a,b --scope "read ingest"`.
 */

import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SignJWT } from 'jose';
import { SCOPES } from './auth/principal.js';
import { readConfig } from './config.js';
import { EXIT_CONFIG } from './errors.js';

const USAGE = `--sub NAME [--files ID,ID… | --files '*'] [--scope "${SCOPES.join(' ')}"] [--ttl 90s|30m|1h|7d]`;
const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** @returns the token that the arguments ask for. @throws Error that says what is wrong with them */
async function createToken(args: readonly string[]): Promise<string> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      sub: { type: 'string' },
      files: { type: 'string' },
      scope: { type: 'string', default: 'read' },
      ttl: { type: 'string', default: '1h' },
    },
  });
  const { JWT_SECRET, JWT_ISSUER, JWT_AUDIENCE } = readConfig({ ...process.env, AUTH: 'jwt', JWKS_URL: '' });
  const [, count, unit = ''] = /^(\d{1,9})([smhd])$/.exec(values.ttl) ?? [];
  if (values.sub === undefined || count === undefined) throw new Error(`usage: ${USAGE}`);
  const unknown = values.scope
    .split(' ')
    .filter((word) => word !== '' && !SCOPES.some((scope) => scope === word));
  if (unknown.length > 0) throw new Error(`--scope: knows ${SCOPES.join(', ')} only`);
  const files = values.files === '*' ? '*' : values.files?.split(',').filter(Boolean);
  const token = new SignJWT({ scope: values.scope, ...(files === undefined ? {} : { files }) })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(values.sub)
    .setIssuedAt()
    .setExpirationTime(Math.floor(Date.now() / 1000) + Number(count) * (SECONDS[unit] ?? 1));
  if (JWT_ISSUER !== undefined) token.setIssuer(JWT_ISSUER);
  if (JWT_AUDIENCE !== undefined) token.setAudience(JWT_AUDIENCE);
  return token.sign(new TextEncoder().encode(JWT_SECRET));
}

/** Prints the token, or why there is none. @returns the exit code */
export async function printToken(args: readonly string[]): Promise<number> {
  try {
    process.stdout.write(`${await createToken(args)}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return EXIT_CONFIG;
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  process.exitCode = await printToken(process.argv.slice(2));
