// The number of what compute answers. It is part of every pipeline's version (cli/generate/version.ts), so that items made
// before and after a change of compute are told apart, and the ones from before are stale.

/**
 * Raised by one with any change after which compute may answer the same call on the same object otherwise: where
 * chunks begin, which frames are sampled, how a vector is made of them. What only makes it faster, or refuse less,
 * leaves it. test/compute/contract.test.ts holds answers to it, recorded for each number.
 */
export const COMPUTE_CONTRACT = 1;

/**
 * Raised by one with any change after which an `onnx` model is given other numbers of the same picture. It is part of
 * the definition of those models alone, so that vectors of all others stay. test/compute/preparation.test.ts holds the
 * numbers to Pillow's.
 */
export const PIXELS_CONTRACT = 2;
