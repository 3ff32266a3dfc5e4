// The bias of the output layer, which no architecture of other programs has. The final layer norm has
// one, and often it can do the same: logits = W·(h + d) + 0 = W·h + b if W·d = b. There is such a d if
// the vocabulary has at most as many tokens as the model has channels, as with characters.

/** The largest error that a logit may have from rounding d to f32. */
const tolerance = 1e-5

/** The most tokens for which d is sought. Solving takes tokens² · channels operations. */
const mostTokens = 2048

/**
 * The bias of the final norm that replaces a bias of the output layer.
 *
 * @param weight W [tokens, channels], row-major
 * @param bias b [tokens]
 * @param norm the bias of the final norm [channels]
 * @returns [channels]; undefined if none has the same effect
 */
export function moveToNorm(
  weight: Float32Array,
  bias: Float32Array,
  norm: Float32Array,
): Float32Array | undefined {
  const [rows, columns] = [bias.length, norm.length]
  if (rows > columns || rows > mostTokens) return undefined
  const row = (i: number) => weight.subarray(i * columns, (i + 1) * columns)
  // The shortest d is Wᵀ·y with W·Wᵀ·y = b.
  const y = solve(
    Array.from({ length: rows }, (_, i) =>
      Float64Array.from({ length: i + 1 }, (_, j) => dot(row(i), row(j))),
    ),
    Float64Array.from(bias),
  )
  if (!y) return undefined
  const moved = new Float64Array(columns)
  for (let i = 0; i < rows; i++) for (let c = 0; c < columns; c++) moved[c] += weight[i * columns + c] * y[i]
  const result = norm.map((value, c) => value + moved[c])
  const added = Float64Array.from(result, (value, c) => value - norm[c])
  const worst = Array.from(bias, (value, i) => Math.abs(dot(row(i), added) - value))
  return worst.every((error) => error <= tolerance) ? result : undefined
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

/**
 * Solves A·y = b for a positive definite A by its Cholesky factor, which replaces it.
 *
 * @param lower the rows of A up to the diagonal
 * @returns undefined if A is singular
 */
function solve(lower: readonly Float64Array[], b: Float64Array): Float64Array | undefined {
  const n = b.length
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = lower[i][j]
      for (let k = 0; k < j; k++) rest -= lower[i][k] * lower[j][k]
      if (i === j && !(rest > 0)) return undefined
      lower[i][j] = i === j ? Math.sqrt(rest) : rest / lower[j][j]
    }
    for (let k = 0; k < i; k++) b[i] -= lower[i][k] * b[k]
    b[i] /= lower[i][i]
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) b[i] -= lower[k][i] * b[k]
    b[i] /= lower[i][i]
  }
  return b
}
