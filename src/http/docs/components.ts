/** Makes named schemas the components of a description. */
import { z } from 'zod';

/** Named schemas as JSON Schema, each once; a schema that contains another one refers to it. */
export function components(named: Readonly<Record<string, z.ZodType>>): {
  schemas: Record<string, unknown>;
  refer: (schema: z.ZodType) => { $ref: string };
} {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, {
    io: 'input',
    unrepresentable: 'any',
    uri: (id) => `#/components/schemas/${id}`,
  });
  return {
    schemas: Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, bare(schema)])),
    refer(schema) {
      const id = registry.get(schema)?.id;
      if (id === undefined) throw new Error('a documented schema has no name');
      return { $ref: `#/components/schemas/${id}` };
    },
  };
}

/** OpenAPI and AsyncAPI fix the dialect, and find a schema by its path in the document. */
const bare = ({ $schema, $id, ...schema }: { $schema?: unknown; $id?: unknown }) => schema;
