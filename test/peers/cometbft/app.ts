/**
 * An application of CometBFT in a process of its own, driven over IPC: what a validator of one
 * organisation runs beside its node. It can be told to end, as a power cut would end it, around the
 * commit of a block.
 */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { toHex, unwrap } from "@meterseal/core";
import { CometEngine, type CometNode, localNode } from "@meterseal/engines/cometbft";
import { stateRoot } from "@meterseal/ledger";
import { parseRecord } from "@meterseal/record";
import { openServerStore } from "@meterseal/stores/sqlite";
import type { Asked, CrashPoint, Fact } from "./messages.ts";

const [dir = "", rpcUrl = ""] = process.argv.slice(2);
let crash: CrashPoint | null = null;

const endAt = (where: "beforeCommit" | "afterCommit") => (point: string) => {
    if (crash === where && point === "appendBlock") process.kill(process.pid, "SIGKILL");
};
const store = await openServerStore(join(dir, "server"), {
    hooks: { beforeCommit: endAt("beforeCommit"), afterCommit: endAt("afterCommit") },
});
const path = join(dir, "abci.sock");
if (existsSync(path)) rmSync(path);
const tell = (fact: Fact): void => {
    process.send?.(fact);
};
const fail = (cause: unknown): void => {
    tell({ kind: "failed", text: String(cause) });
    process.exit(1);
};
const local = localNode({ path }, rpcUrl);
/** The node, which may wait in vain for the answer to a block that was executed. */
const node: CometNode = {
    ...local,
    serve: (handle, onFatal) =>
        local.serve(async (request) => {
            const response = await handle(request);
            const hasWork = (request.finalizeBlock?.txs.length ?? 0) > 0;
            if (crash !== "afterBlock" || !hasWork) return response;
            crash = null;
            tell({ kind: "executed" });
            return await new Promise<never>(() => undefined);
        }, onFatal),
};
const engine = await CometEngine.open(
    {
        store,
        logSigner: null,
        observer: { entryFinal: () => undefined },
        timers: {
            after(delayMs, callback) {
                const timer = setTimeout(callback, delayMs);
                return () => clearTimeout(timer);
            },
        },
        node,
        snapshotInterval: 3,
        onFatal: fail,
    },
    (address) => tell({ kind: "listening", address }),
);
tell({ kind: "ready" });

process.on("message", (asked: Asked) => {
    switch (asked.kind) {
        case "crash":
            crash = asked.where;
            return;
        case "state":
            tell({
                kind: "state",
                id: asked.id,
                height: engine.height,
                size: engine.log.size,
                logRoot: toHex(engine.log.root()),
                stateRoot: toHex(stateRoot(engine.state)),
                finalSize: engine.head().size,
                snapshots: engine.snapshotHeights(),
                point: engine.point,
            });
            return;
        case "submit": {
            const records = asked.body.map((bytes) => unwrap(parseRecord(bytes)));
            engine.submit(asked.item, records).then(
                ({ leafIndex }) => tell({ kind: "final", id: asked.id, leafIndex }),
                (cause: unknown) => tell({ kind: "refused", id: asked.id, text: String(cause) }),
            );
        }
    }
});
process.on("disconnect", () => process.exit(0));
