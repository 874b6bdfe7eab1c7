// A user's kind that uses most of what a CustomResourceDefinition can say, and its objects.
import { expect } from 'chai';
import type { Kubectl, SuiteServer } from './suite.ts';

const definitionsPath = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** The definition of widgets.example.com. */
export const widgetDefinition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.example.com }
spec:
  group: example.com
  scope: Namespaced
  names: { plural: widgets, singular: widget, kind: Widget, listKind: WidgetList, shortNames: [wd], categories: [all, things] }
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns:
    - { name: Size, type: string, jsonPath: .spec.size }
    - { name: Replicas, type: integer, jsonPath: .spec.replicas }
    - { name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status' }
    - { name: Note, type: string, jsonPath: .spec.note, priority: 1 }
    - { name: Age, type: date, jsonPath: .metadata.creationTimestamp }
    subresources:
      status: {}
      scale: { specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas, labelSelectorPath: .status.selector }
    selectableFields: [{ jsonPath: .spec.size }]
    schema:
      openAPIV3Schema:
        type: object
        description: A widget.
        required: [spec]
        properties:
          spec:
            type: object
            description: What is wanted of a widget.
            required: [size]
            x-kubernetes-validations:
            - { rule: "self.replicas <= 10 || self.size == 'large'", message: more than ten replicas need a large size }
            - { rule: "!has(oldSelf.colour) || has(self.colour)", message: a colour cannot be taken away }
            properties:
              size: { type: string, enum: [small, large], description: How large it is. }
              replicas: { type: integer, format: int32, minimum: 0, maximum: 100, default: 1 }
              note: { type: string, maxLength: 20, pattern: '^[a-z ]*$' }
              colour: { type: string }
              port: { x-kubernetes-int-or-string: true }
              free: { type: object, x-kubernetes-preserve-unknown-fields: true }
              tags: { type: array, items: { type: string }, x-kubernetes-list-type: set }
              parts:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items:
                  type: object
                  required: [name]
                  properties:
                    name: { type: string }
                    count: { type: integer, default: 3 }
          status:
            type: object
            properties:
              replicas: { type: integer, format: int32 }
              selector: { type: string }
              conditions:
                type: array
                items:
                  type: object
                  required: [type, status]
                  properties:
                    type: { type: string }
                    status: { type: string }
                    reason: { type: string }
                    message: { type: string }
                    lastTransitionTime: { type: string, format: date-time }
`;

/** A widget; `spec` and `more` of its metadata in YAML's flow form. */
export function widget(name: string, spec = '{ size: small }', more = ''): string {
  return `apiVersion: example.com/v1\nkind: Widget\nmetadata: { name: ${name}${more} }\nspec: ${spec}\n`;
}

/** The path of a widget, or of all. */
export function widgetPath(namespace: string, name = ''): string {
  return `/apis/example.com/v1/namespaces/${namespace}/widgets${name === '' ? '' : `/${name}`}`;
}

/** Defines widgets, whoever comes first, and waits until they are served. */
export async function defineWidgets(k: Kubectl, server: SuiteServer): Promise<void> {
  const made = await k.feed(widgetDefinition).run('create', '-f', '-');
  if (made.code !== 0) expect(made.stderr).to.include('already exists');
  await k.ok('wait', '--for=condition=Established', 'crd/widgets.example.com', '--timeout=10s');
  expect(await server.read(`${definitionsPath}/widgets.example.com`)).to.have.property(
    'kind',
    'CustomResourceDefinition',
  );
}

/** A definition of a kind of `tag` alone, e.g. gearsv120.example.com; `version` is one entry of its versions, in YAML. */
export function gearDefinition(tag: string, versions: readonly string[], scope = 'Namespaced'): string {
  return `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: gears${tag}.example.com }
spec:
  group: example.com
  scope: ${scope}
  names: { plural: gears${tag}, singular: gear${tag}, kind: Gear${tag}, shortNames: [g${tag}], categories: [cogs${tag}] }
  versions:
${versions.map((version) => `  - ${version}\n`).join('')}`;
}

/** One version of a definition, with a field `teeth` in its spec. */
export function gearVersion(name: string, more = 'served: true, storage: true', teeth = 'type: integer'): string {
  const schema = `{ type: object, properties: { spec: { type: object, properties: { teeth: { ${teeth} } } } } }`;
  return `{ name: ${name}, ${more}, schema: { openAPIV3Schema: ${schema} } }`;
}

/** An object of such a kind. */
export function gear(tag: string, name: string, spec = '{ teeth: 9 }', version = 'v1'): string {
  return `apiVersion: example.com/${version}\nkind: Gear${tag}\nmetadata: { name: ${name} }\nspec: ${spec}\n`;
}
