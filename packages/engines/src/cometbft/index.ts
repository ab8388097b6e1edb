/**
 * The engine for several organisations: our application of CometBFT (ABCI 2.0 on the socket
 * transport), whose only rule is `accept()`.
 *
 * @packageDocumentation
 */
export type { AbciAddress, AbciHandler } from "./abci/server.ts";
export { checkBlockHead } from "./app-hash.ts";
export { type CheckedCommits, checkAgreed, checkCommits } from "./commits/check.ts";
export { checkDoubleVote, doubleVoteOf } from "./commits/double-vote.ts";
export { type CommitStore, keepCommits } from "./commits/keeper.ts";
export { CometEngine, type CometEngineOptions } from "./engine.ts";
export { formatGenesisState, type GenesisState, parseGenesisState } from "./genesis-state.ts";
export { type CometNode, localNode } from "./node.ts";
export { type BroadcastAnswer, CometRpc } from "./rpc.ts";
