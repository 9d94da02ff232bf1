/** The name of an uploaded file, as people may give it: without its folder, and short enough to show. */
import { InvalidInput } from '../../domain/invalid-input.js';

const MAX_CHARACTERS = 255;
const UNNAMED = 'list';

/** @throws InvalidInput where it has control characters or is too long */
export function listNameOf(given: string | undefined): string {
  const refuse = (message: string) => new InvalidInput([{ field: 'name', message }]);
  if (given === undefined) return UNNAMED;
  if (!given.isWellFormed() || /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(given))
    throw refuse('must be well-formed text without control characters');
  const name = given.replace(/^.*[/\\]/su, '').trim();
  if ([...name].length > MAX_CHARACTERS) throw refuse(`must have at most ${MAX_CHARACTERS} characters`);
  return name === '' || /^\.+$/.test(name) ? UNNAMED : name;
}
