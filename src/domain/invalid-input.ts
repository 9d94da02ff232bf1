/** The error for input that cannot be read, and the number of field errors that it reports. */

export interface FieldError {
  readonly field: string;
  readonly message: string;
}

/** A list of thousands can be wrong in thousands of places: readers stop at this many field errors. */
export const MAX_FIELD_ERRORS = 10;

/** Says what is wrong with an input, field by field. Never holds a value of the input. */
export class InvalidInput extends Error {
  override readonly name = 'InvalidInput';
  constructor(readonly errors: readonly FieldError[]) {
    super(errors.map(({ field, message }) => `${field}: ${message}`).join('; ') || 'invalid input');
  }
}
