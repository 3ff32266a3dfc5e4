// The losses that the course's Python script printed, against which the stages are compared.

/** Of one stage, in nats per character of Tiny Shakespeare. */
export interface Reference {
  /** The split of the losses. The notebook estimates no loss except that of its training batches. */
  readonly split: 'train' | 'validation'
  /** The losses after so many steps, as far as they are known. */
  readonly losses: readonly (readonly [steps: number, loss: number])[]
}

const validation = (...losses: Reference['losses']): Reference => ({ split: 'validation', losses })

/** By the number of the stage. Stage 02 trains nothing. */
export const references: Readonly<Record<string, Reference>> = {
  '00': { split: 'train', losses: [[10_000, 2.5]] },
  '01': validation([0, 4.72], [3000, 2.4911]),
  '03': validation([5000, 2.4229]),
  '04': validation([5000, 2.317]),
  '05': validation([5000, 2.2801]),
  '06': validation([5000, 2.3275]),
  '07': validation([5000, 2.1338]),
  '08': validation([5000, 2.1064]),
  '09': validation(
    [500, 2.2122],
    [1000, 1.8467],
    [1500, 1.6718],
    [2000, 1.5945],
    [2500, 1.5506],
    [3000, 1.5173],
    [3500, 1.4992],
    [4000, 1.4954],
    [4500, 1.4834],
    [4999, 1.4967],
  ),
}
