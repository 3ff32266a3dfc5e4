// What the page of the stages knows.

import { computed, effect, signal } from '@preact/signals'
import { getRun, post } from './api.mjs'
import { current, runs } from './state.mjs'

/** The stages as the server describes them. null: not yet known. */
export const stages = signal(null)
/** The titles of the texts that the studio takes if it is given none. */
const usualTexts = signal([])
/** The text that all stages read. null: the first of the usual ones that is available. */
export const text = signal(null)
export const problem = signal(null)

export async function load() {
  if (stages.peek()) return
  try {
    const answer = await post('/api/stages', {})
    usualTexts.value = answer.texts
    stages.value = answer.stages
  } catch (error) {
    problem.value = error.message
  }
}

/** Whether a run has read the text. */
const isOfText = (run) =>
  text.value === null ? usualTexts.value.includes(run.text) : run.text === text.value.name

/** The newest run of each stage on the text, by the number of the stage: the row of the table. */
const newest = computed(() => {
  const found = {}
  for (const row of runs.value)
    if (row.stage !== null && isOfText(row) && !(row.stage in found)) found[row.stage] = row
  return found
})

export const titleOfText = computed(
  () => text.value?.name ?? Object.values(newest.value)[0]?.text ?? usualTexts.value[0],
)

/** Runs that the studio does not train now, by id. */
const read = signal({})

/** Reads the newest run of each stage, again whenever it changes. Returns a function that ends it. */
export function followRuns() {
  return effect(() => {
    for (const { id, updated } of Object.values(newest.value)) {
      if (current.value?.id === id || asked.get(id) === updated) continue
      asked.set(id, updated)
      getRun(id).then(
        (run) => {
          read.value = { ...read.peek(), [id]: run }
        },
        // It is asked for again when it changes.
        () => {},
      )
    }
  })
}
const asked = new Map()

/** The newest run of a stage on the text. undefined: there is none, or it is being read. */
export function runOf(stage) {
  const live = current.value
  if (live?.stage === stage.number && isOfText(live)) return live
  return read.value[newest.value[stage.number]?.id]
}

/** Whether the reference, which has read Shakespeare, can be compared with a run. */
export const isComparable = (run) => (run ? run.text === usualTexts.value[0] : text.value === null)
