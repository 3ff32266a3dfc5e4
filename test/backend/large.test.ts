// A tensor that is larger than any array of this version of Node: reading it is an error.

import { constants } from 'node:buffer'
import { totalmem } from 'node:os'
import { openSession } from '../../lib/backend/devices'
import { failureOf } from '../support/errors'

// Later versions of Node have no limit that memory could reach.
const limited = constants.MAX_LENGTH <= 2 ** 32 && totalmem() > 16e9 ? test : test.skip

limited('reading more bytes than an array can have fails, and the session goes on', async () => {
  const session = await openSession({ device: 'cpu' })
  await session.allocate('large', 'f32', [2 ** 30 + 1])
  await session.allocate('small', 'f32', [2])
  expect(await failureOf(() => session.read('large'))).toMatchObject({
    code: 'out_of_memory',
    message: 'large: there is no memory for the 4294967300 bytes of the result',
  })
  expect(await session.read('small')).toEqual(new Float32Array(2))
  await session.dispose()
})
