// The number of what compute answers. It is part of every pipeline's version (cli/generate/version.ts), so that items made
// before and after a change of compute are told apart, and the ones from before are stale.

/**
 * Raised by one with any change after which compute may answer the same call on the same object otherwise: where
 * chunks begin, which frames are sampled, how a vector is made of them. What only makes it faster, or refuse less,
 * leaves it. test/compute/contract.test.ts holds answers to it, recorded for each number.
 */
export const COMPUTE_CONTRACT = 1;
