// Modules are the parts of a model. A module owns parameters and other modules, and computes
// something in `forward`.

import { Parameter } from '../graph/tensor'

export abstract class Module {
  /**
   * Its location in the model, such as `blocks.0.attention`; '' for the model itself. Set by
   * `nameParameters`.
   */
  path = ''
}

/**
 * Sets the path of every module and parameter below `root`, from the names of the properties that
 * hold them. A parameter that several modules share gets the path of the first.
 *
 * @returns each parameter once, in the order of the properties
 */
export function nameParameters(root: Module): Parameter[] {
  const parameters = new Set<Parameter>()
  const visit = (value: unknown, path: string): void => {
    if (value instanceof Parameter) {
      if (parameters.has(value)) return
      value.path = path
      parameters.add(value)
    } else if (Array.isArray(value)) {
      value.forEach((item, index) => {
        visit(item, `${path}.${index}`)
      })
    } else if (value instanceof Module) {
      value.path = path
      for (const [name, child] of Object.entries(value)) visit(child, path ? `${path}.${name}` : name)
    }
  }
  visit(root, '')
  return [...parameters]
}
