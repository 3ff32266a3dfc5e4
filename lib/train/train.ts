// train(): what users call.

import type { Model } from '../model/model'
import { resolveAuto } from './auto'
import { Loop } from './loop'
import { checkTrainOptions, type TrainOptions } from './options'
import { prepare } from './prepare'
import { Run } from './run'

/**
 * Trains a model on a text.
 *
 * @returns a `Run`: await it for the model, iterate it for progress
 * @throws nothing itself; bad options, data or devices reject the run with a NanoGptError
 */
export function train(options: TrainOptions = {}): Run<Model> {
  return new Run(async (control) => {
    const checked = checkTrainOptions(options)
    checked.signal?.throwIfAborted()
    const resolved = await resolveAuto(checked, control)
    return new Loop(await prepare(resolved), resolved, control).run()
  })
}
