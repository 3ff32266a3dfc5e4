// train(): what users call.

import type { Model } from '../api/model'
import { onDevice } from '../backend/devices'
import { resolveAuto } from './auto'
import { namingConfig, withConfig } from './config_file'
import { Loop } from './loop'
import { checkTrainOptions, type TrainOptions } from './options'
import { prepare } from './prepare'
import { Run, type RunControl } from './run'
import { refuseOtherRun } from './run_folder'

/**
 * Trains a model on a text: a new one, one that was interrupted (`resume`), or a new run with another's weights (`from`).
 *
 * @returns a `Run`: await it for the model, iterate it for progress
 * @throws nothing itself; bad options, data or devices reject the run with a NanoGptError
 */
export function train(options: TrainOptions = {}): Run<Model> {
  return new Run(async (control) => {
    const given = checkTrainOptions(options)
    given.signal?.throwIfAborted()
    const configured = await withConfig(given)
    refuseOtherRun(configured)
    let steps = 0
    const counting: RunControl = {
      ...control,
      emit(event) {
        if (event.type === 'step') steps = event.to
        control.emit(event)
      },
    }
    const begin = async (device: string) => {
      const resolved = await resolveAuto({ ...configured, device }, counting)
      return new Loop(await prepare(resolved), resolved, counting)
    }
    return onDevice(
      configured.device,
      async (device) => {
        const loop = await begin(device).catch((error) => {
          throw namingConfig(error, configured)
        })
        return loop.run()
      },
      (passedOver) => control.emit({ type: 'fallback', step: 0, ...passedOver }),
      () => steps > 0,
    )
  })
}
