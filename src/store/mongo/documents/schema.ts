/**
 * How the documents of a collection are declared: each field once, with the type that Mongoose checks and the type that the
 * code sees.
 */
import { Schema, type SchemaDefinition } from 'mongoose';

/** `undefined` in `T`: the field may be missing. */
interface Field<T> {
  readonly type: unknown;
  readonly default?: undefined;
  /** Never there: it carries the type. */
  readonly example?: T;
}

const { Mixed } = Schema.Types;
const field = <T>(type: unknown): Field<T> => ({ type });

export const text = <T extends string | null | undefined = string>() => field<T>(String);
export const number = <T extends number | null | undefined = number>() => field<T>(Number);
export const flag = <T extends boolean | undefined = boolean>() => field<T>(Boolean);
export const date = <T extends Date | null | undefined = Date>() => field<T>(Date);
export const bytes = () => field<Buffer>(Buffer);
export const mixed = <T>() => field<T>(Mixed);
/** Lists are checked when they are read from the wire; casting each result again would cost more than storing it. */
export const list = <T>(): Field<T[]> => ({ type: [Mixed], default: undefined });

type ValueOf<F> = F extends Field<infer T> ? T : never;
type Optional<F> = { [K in keyof F]: undefined extends ValueOf<F[K]> ? K : never }[keyof F];
type Document<F> = { [K in Exclude<keyof F, Optional<F>>]: ValueOf<F[K]> } & {
  [K in Optional<F>]?: Exclude<ValueOf<F[K]>, undefined>;
};

/**
 * A name that is no field, in a document as well as in a filter, is a mistake in our code, so it throws. Indexes are created
 * when the database is opened.
 */
export const schemaOf = <F extends Record<string, object>>(fields: F): Schema<Document<F>> =>
  new Schema(fields as unknown as SchemaDefinition<Document<F>>, {
    strict: 'throw',
    strictQuery: 'throw',
    versionKey: false,
    minimize: false,
    autoIndex: false,
    autoCreate: false,
    id: false,
  });

/** The names of a document's fields, without its `_id`. */
export const fieldsOf = (schema: Pick<Schema, 'paths'>): string[] =>
  Object.keys(schema.paths).filter((name) => name !== '_id');

export type DocumentOf<S> = S extends Schema<infer T> ? T : never;

/** For an index of those documents only that have a field. */
export const where = (field: string) => ({ partialFilterExpression: { [field]: { $exists: true } } });
