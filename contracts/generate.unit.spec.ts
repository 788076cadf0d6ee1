import Ajv2020 from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generatedFiles, outOfStep, writeGenerated } from './generate';
import { ENDPOINTS } from './http/endpoints';
import { jsonSchemas } from './json-schemas';
import { openApiDocument, operationId } from './openapi';

describe('the generated contracts', () => {
  it('are valid JSON Schemas, one for each event type and HTTP body', () => {
    const ajv = addFormats(new Ajv2020({ strict: false, allowUnionTypes: true }));
    const schemas = jsonSchemas();
    expect(schemas.has('events/case/CaseOpened.v1.json')).toBe(true);
    for (const [name, schema] of schemas) {
      expect({ name, valid: ajv.validateSchema(schema), errors: ajv.errors }).toMatchObject({ name, valid: true });
      expect(() => ajv.compile(schema)).not.toThrow();
    }
  });

  it('are an OpenAPI document whose references all lead somewhere', () => {
    const document = openApiDocument();
    const text = JSON.stringify(document);
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map((match) => match[1]);
    const { components, paths } = document as { components: { schemas: object }; paths: Record<string, object> };
    expect(new Set(references)).not.toContain(undefined);
    for (const name of references) expect(Object.keys(components.schemas)).toContain(name);
    expect(paths).toHaveProperty(['/v1/cases/{id}', 'get']);
    expect(paths).toHaveProperty(['/v1/cases/{id}', 'get', 'security'], [{ user: [] }]);
  });

  it('give every endpoint an id of its own', () => {
    const ids = ENDPOINTS.filter(({ local }) => local !== true).map(operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('are told from files that are out of step, by name', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'generated-'));
    try {
      expect(await outOfStep(join(folder, 'nowhere'))).toHaveLength(generatedFiles().size);
      await writeGenerated(folder);
      expect(await outOfStep(folder)).toEqual([]);
      await writeFile(join(folder, 'openapi.json'), '{}');
      await writeFile(join(folder, 'schemas', 'old.json'), '{}');
      expect(await outOfStep(folder)).toEqual([
        'openapi.json differs',
        'schemas/old.json belongs to no contract any more',
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
