// A small picture of a matrix of a model.

import type { Models, Moment } from './models'
import { RequestError } from './respond'

/** The most rows and columns of a picture. */
const most = 64

export interface WeightsPicture {
  /** The matrices of the model. */
  readonly names: readonly string[]
  readonly name: string
  /** Of the whole matrix. */
  readonly shape: readonly number[]
  /** Of the picture: each is one of several in equal distances. */
  readonly rows: number
  readonly columns: number
  readonly low: number
  readonly high: number
  /** Row by row, as Float32 in base64, little-endian. */
  readonly values: string
}

/** @param given the name of a matrix; undefined: the embeddings of the tokens */
export function weightsPicture(models: Models, moment: Moment, given: unknown): Promise<WeightsPicture> {
  return models.with(moment, async (model) => {
    const parameters = await model.parameters()
    const matrices = [...parameters].filter(([, { shape }]) => shape.length === 2)
    const names = matrices.map(([name]) => name)
    const name = given ?? names[0]
    const found = matrices.find(([each]) => each === name)
    if (!found) throw new RequestError(404, 'The model has no such weights.')
    const [, { shape, data }] = found
    const [rows, columns] = shape.map((size) => Math.min(most, size))
    const values = Float32Array.from({ length: rows * columns }, (_, i) => {
      const row = Math.floor((Math.floor(i / columns) * shape[0]) / rows)
      const column = Math.floor(((i % columns) * shape[1]) / columns)
      return data[row * shape[1] + column]
    })
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (const value of data) {
      low = Math.min(low, value)
      high = Math.max(high, value)
    }
    return {
      ...{ names, name: found[0], shape, rows, columns, low, high },
      values: Buffer.from(values.buffer).toString('base64'),
    }
  })
}
