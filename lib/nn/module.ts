// Modules: parts of a model that own parameters and other modules, and compute something in `forward`.

import { Parameter } from '../graph/tensor'

export abstract class Module {
  /** Its place in the model, such as `blocks.0.attention`; '' for the model itself. Set by `nameParameters`. */
  path = ''
}

/**
 * Gives every module and parameter below `root` its path, from the names of the properties that hold them. A parameter that
 * several modules share has the path of the first.
 *
 * @returns the parameters, in the order of those properties, each once
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
