// How a stage shows a tensor.

import type { Tensor } from '../graph/tensor'

/** Formats the rows of a tensor of rank 1 or 2 in columns. */
export function matrix({ dtype, shape, data }: Tensor): string[] {
  const columns = shape[shape.length - 1]
  const isFloat = dtype === 'f32' || dtype === 'f64'
  const cells = Array.from(data, (value) => (isFloat ? value.toFixed(4) : String(value)))
  const width = Math.max(...cells.map((cell) => cell.length))
  return Array.from({ length: cells.length / columns }, (_, row) =>
    cells
      .slice(row * columns, (row + 1) * columns)
      .map((cell) => cell.padStart(width))
      .join('  '),
  )
}
