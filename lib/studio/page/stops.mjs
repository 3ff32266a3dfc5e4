// The moments along a run: the steps at which the timeline stops, and the sample of the chosen step.

import { chosenStep, nearest, timeline } from './state.mjs'

/** The steps at which there is something to see: a model at hand, or a sample. In order. */
export function stopsOf({ id, samples, step }) {
  const known = timeline.value?.id === id ? timeline.value : { steps: [], first: 0 }
  const stops = [...known.steps, ...samples.map((sample) => sample.step), step]
  return [...new Set(stops)].filter((each) => each >= known.first).sort((a, b) => a - b)
}

/** Chooses the stop that is nearest to a step. The last one is the newest, also when the run goes on. */
export function choose(run, step) {
  const stops = stopsOf(run)
  const stop = nearest(stops, step)
  chosenStep.value = stop === stops.at(-1) ? null : stop
}

/** The sample that is nearest to the chosen step. */
export function chosenSample({ samples }) {
  const step = chosenStep.value
  if (step === null) return samples.at(-1)
  const near = nearest(
    samples.map((sample) => sample.step),
    step,
  )
  return samples.find((sample) => sample.step === near)
}
