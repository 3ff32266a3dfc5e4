// What each stage teaches, for readers who have never seen a language model.

export interface Lesson {
  readonly title: string
  /** What is new. */
  readonly what: string
  /** Why it helps, or what it shows. */
  readonly why: string
}

/** By the number of the stage. */
export const lessons: Readonly<Record<string, Lesson>> = {
  '00': {
    title: 'Text becomes numbers',
    what: 'A computer reads numbers, so each character gets one: its token. The model is a table with a row for each character, and in the row a score for every character that may follow.',
    why: 'Before training the scores are random, and so is the writing. Training raises the scores of the pairs that really occur.',
  },
  '01': {
    title: 'A table of pairs',
    what: 'The table becomes a model. It looks at one character and guesses the next one. Training now takes steps that are ten times as large.',
    why: 'It soon knows that “u” follows “q”. But it forgets everything before the last character, so no amount of training makes it much better than this.',
  },
  '02': {
    title: 'How to look back',
    what: 'To use all earlier characters, begin with their average. This stage computes it with a loop, with one multiplication of tables, and with scores that are turned into shares (a softmax). All three agree.',
    why: 'With scores that depend on the text, each position decides what to look at. That is attention. Nothing is trained here: run it, and read how it works.',
  },
  '03': {
    title: 'One attention head',
    what: 'Each character gets 32 numbers for what it is, and each place 32 numbers for where it is. One attention head lets every position look back and pick what it needs.',
    why: 'The guess now depends on more than the last character. It helps only a little yet: one head can look for one thing at a time.',
  },
  '04': {
    title: 'Four heads',
    what: 'The 32 numbers are split among four heads with 8 each. Every head looks back in its own way.',
    why: 'One head could look for vowels, and another for the beginning of the word. Four small heads need no more weights than a large one, and the guesses get better.',
  },
  '05': {
    title: 'Time to think',
    what: 'After looking back, each position computes something from what it found. This layer is called feed-forward.',
    why: 'Attention can only mix what is there. The new layer can make something else of it.',
  },
  '06': {
    title: 'Deeper',
    what: 'Attention and feed-forward, three times in a row. Each pair is a block.',
    why: 'The model has twice the weights, and yet it is no better. What a block does not pass on is lost for all later blocks. Deep models need help to learn, and the next two stages give it.',
  },
  '07': {
    title: 'A direct path',
    what: 'Each part adds to its input instead of replacing it. In the diagram, follow the line that leads around each part: it is a residual connection.',
    why: 'Nothing gets lost on the way, and the first block learns as fast as the last. Now the three blocks pay off.',
  },
  '08': {
    title: 'A common scale',
    what: 'Before each part, the numbers of a position are brought to a common scale: their mean becomes 0, and their spread 1. This is layer norm.',
    why: 'Whatever the blocks add up to, the next one gets numbers of a size that it can handle. With three blocks that helps a little. Models with many blocks need it.',
  },
  '09': {
    title: 'The full model',
    what: 'The same model, but large: six blocks, six heads, 384 numbers for each character, and 256 characters to look back at. While it trains, dropout switches off a random fifth of the numbers.',
    why: 'A model of this size can learn words and sentences. It could also learn the text by heart. Dropout prevents that, because it can never rely on a single number.',
  },
}
