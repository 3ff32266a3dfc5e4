// Which GPU is under test.

export const device = process.env.NANO_GPT_TEST_DEVICE as 'cuda' | 'metal'
