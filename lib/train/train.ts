// train(): what users call.

import type { Model } from '../model/model'
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
    return new Loop(await prepare(checked), checked, control).run()
  })
}
