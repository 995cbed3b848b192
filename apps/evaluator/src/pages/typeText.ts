/** A JSON schema as a type that people read, with links to the types it names. */
import { html } from 'hono/html';
import type { Html } from './layout.ts';

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly additionalProperties?: Schema | boolean;
}

export function typeText(schema: Schema, indent = ''): Html | string {
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (schema.$ref) {
    const name = schema.$ref.split('/').at(-1)!;
    return html`<a href="#type-${name}">${name}</a>`;
  }
  if (alternatives) return joined(alternatives, ' | ', indent);
  if (schema.allOf) return joined(schema.allOf, ' & ', indent);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.items) return html`${typeText(schema.items, indent)}[]`;
  if (schema.properties) return objectText(schema, indent);
  if (typeof schema.additionalProperties === 'object') {
    return html`{ [name]: ${typeText(schema.additionalProperties, indent)} }`;
  }
  const type = [schema.type ?? 'any'].flat().join(' | ');
  return schema.format ? `${type} (${schema.format})` : type;
}

function joined(schemas: readonly Schema[], separator: string, indent: string): Html {
  return html`${schemas.map((each, i) => html`${i > 0 ? separator : ''}${typeText(each, indent)}`)}`;
}

function objectText({ properties = {}, required = [] }: Schema, indent: string): Html {
  const inner = `${indent}  `;
  const lines = Object.entries(properties).map(([name, each]) => {
    const isOptional = !required.includes(name);
    const note = each.description ?? (isSmall(each.default) ? `default ${JSON.stringify(each.default)}` : '');
    return html`${inner}${name}${isOptional ? '?' : ''}: ${typeText(each, inner)}${note ? html` <span class="quiet">// ${note}</span>` : ''}
`;
  });
  return html`{
${lines}${indent}}`;
}

const isSmall = (value: unknown) => value !== undefined && JSON.stringify(value).length < 40;
