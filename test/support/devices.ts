// Runs tests on every device: in plain TypeScript, and on the native engine if it loads.

import { switchOf } from '../../binding/switches'
import type { Session } from '../../lib/backend/backend'
import { JsSession } from '../../lib/backend/js/session'
import { loadAddon, type NativeSessionHandle } from '../../lib/backend/native/addon'
import { NativeSession } from '../../lib/backend/native/session'

export interface TestDevice {
  /** The value of the `device` option. */
  readonly name: 'js' | 'cpu'
  open(): Session
}

const js: TestDevice = { name: 'js', open: () => new JsSession() }
// NANO_GPT_TEST_DEVICE replaces the CPU by another device of the native engine, such as 'cuda'.
const device = process.env.NANO_GPT_TEST_DEVICE
const cpu: TestDevice = { name: 'cpu', open: () => new NativeSession(loadAddon().addon!, { device }) }

/**
 * Tests skip a missing native engine on a machine without a compiler. Where it is required, its
 * absence is a failure.
 */
export const nativeRequired =
  /^(1|true)$/.test(process.env.CI ?? '') || switchOf('NANO_GPT_REQUIRE_NATIVE') === true

/** A `describe` block for each device. */
export function onEveryDevice(title: string, body: (device: TestDevice) => void): void {
  describe(`${title} (js)`, () => body(js))
  onNative(`${title} (cpu)`, body)
}

/** A `describe` block for the native engine. */
export function onNative(title: string, body: (device: TestDevice) => void): void {
  const { reason } = loadAddon()
  if (reason === undefined) {
    describe(title, () => body(cpu))
  } else if (nativeRequired) {
    describe(title, () => {
      test('the native engine loads', () => {
        throw new Error(reason)
      })
    })
  } else {
    console.warn(`${title}: skipped, ${reason}`)
    describe.skip(title, () => body(cpu))
  }
}

/** The addon's own session, for calls that the `Session` interface does not allow. */
export function handleOf(session: Session): NativeSessionHandle & { free(name: string): Promise<void> } {
  return (session as unknown as { handle: NativeSessionHandle & { free(name: string): Promise<void> } })
    .handle
}
