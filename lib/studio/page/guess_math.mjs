// The score of a person who guesses characters, in nats, as a model is scored.
//
// A model gives every character a chance, and its loss is −ln of what the true one got. A person names one
// character, and says how sure they are. The named character gets the chance p with which the person has been
// right so far when that sure, and the others share 1 − p by how common they are in the text:
//   right: −ln p        wrong: −ln((1 − p) · share of the true one / (1 − share of the named one))
// p is known before each guess, so nobody gains by looking back. Before the first guesses, p is what the
// words mean: it counts as `trust` guesses of which that part was right (the mean of a beta distribution;
// Laplace's rule of succession is the case of 1/2 and 2).

/** How sure a person is, and how often such a guess is right before anything is known. */
export const levels = [
  { name: 'no idea', start: 0.15 },
  { name: 'think so', start: 0.5 },
  { name: 'sure', start: 0.9 },
]
const trust = 4

/**
 * The chance of a guess.
 *
 * @param earlier the guesses before it: { level, isRight }
 */
export function chanceOf(level, earlier) {
  const { start } = levels.find(({ name }) => name === level)
  const same = earlier.filter((guess) => guess.level === level)
  const right = same.filter(({ isRight }) => isRight).length
  return (right + trust * start) / (same.length + trust)
}

/**
 * The loss of a guess in nats.
 *
 * @param shares of all characters, which sum to 1
 */
export function lossOf({ guess, truth, level }, earlier, shares) {
  const chance = chanceOf(level, earlier)
  return -Math.log(guess === truth ? chance : ((1 - chance) * shares[truth]) / (1 - shares[guess]))
}

export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length
