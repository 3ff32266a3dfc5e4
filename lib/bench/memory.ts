// A separate process for `bench steps`: runs two training steps and prints its peak memory in
// bytes.

import { findStepCases, openTrainer } from './cases'

async function main(): Promise<void> {
  const { name, ...options } = JSON.parse(process.argv[2])
  const { session, trainer } = await openTrainer(findStepCases([name])[0], { rounds: 1, ...options })
  await trainer.steps(0, 2)
  await session.dispose()
  // maxRSS is in kilobytes on every platform.
  process.stdout.write(String(1024 * process.resourceUsage().maxRSS))
}

main()
