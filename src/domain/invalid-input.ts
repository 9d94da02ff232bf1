export interface FieldError {
  readonly field: string;
  readonly message: string;
}

/** What was wrong with an input, field by field. Never holds a value of the input. */
export class InvalidInput extends Error {
  override readonly name = 'InvalidInput';
  constructor(readonly errors: readonly FieldError[]) {
    super(errors.map(({ field, message }) => `${field}: ${message}`).join('; ') || 'invalid input');
  }
}
