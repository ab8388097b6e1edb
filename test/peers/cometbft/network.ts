import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
    type CometAddresses,
    cometGenesis,
    configureComet,
    type Edit,
    initCometHome,
    writeCometGenesis,
} from "../../../packages/node/src/localnet/comet-home.ts";
import { hostOf, Validator } from "./validator.ts";

/** Files of a network of validators in one directory. */
export type Network = {
    readonly dir: string;
    readonly binary: string;
    readonly validators: readonly Validator[];
    /** Makes the files of one more node that is no validator, and joins by state sync. */
    readonly joiner: (trust: { height: number; hash: string }) => Validator;
    readonly remove: () => Promise<void>;
};

/** Makes the files of validators that begin with a genesis and some entries. */
export function makeNetwork(
    binary: string,
    count: number,
    state: { genesis: Uint8Array; entries: readonly Uint8Array[] },
): Network {
    const dir = mkdtempSync(join(tmpdir(), "meterseal-cometbft-"));
    const homeOf = (index: number): string => join(dir, `node${index}`);
    const indices = Array.from({ length: count }, (_, index) => index);
    const ids = indices.map((index) => init(binary, homeOf(index)));
    const genesis = cometGenesis(indices.map(homeOf), state);
    const peers = ids.map((id, index) => `${id}@${addressesOf(index).p2p}`);
    const configure = (index: number, more: readonly Edit[] = []): void => {
        const others = peers.filter((_, other) => other !== index);
        writeCometGenesis(homeOf(index), genesis);
        configureComet(homeOf(index), addressesOf(index), others, more);
    };
    for (const index of indices) configure(index);
    const validators = indices.map(
        (index) =>
            new Validator(binary, { home: homeOf(index), dir: join(homeOf(index), "app"), index }),
    );
    const joiner = ({ hash, height }: { height: number; hash: string }): Validator => {
        const home = homeOf(count);
        init(binary, home);
        const [first, second] = [0, 1].map((index) => `http://${addressesOf(index).rpc}`);
        configure(count, [
            [/^(\[statesync\][^[]*?)^enable = .*$/m, "$1enable = true"],
            [/^rpc_servers = .*$/m, `rpc_servers = "${first},${second}"`],
            [/^trust_height = .*$/m, `trust_height = ${height}`],
            [/^trust_hash = .*$/m, `trust_hash = "${hash}"`],
            [/^discovery_time = .*$/m, 'discovery_time = "5s"'],
        ]);
        return new Validator(binary, { home, dir: join(home, "app"), index: count });
    };
    const remove = async (): Promise<void> => {
        for (const validator of validators) await validator.stop();
        rmSync(dir, { recursive: true, force: true });
    };
    return { dir, binary, validators, joiner, remove };
}

function addressesOf(index: number): CometAddresses {
    return { p2p: `${hostOf(index)}:26656`, rpc: `${hostOf(index)}:26657` };
}

function init(binary: string, home: string): string {
    const id = initCometHome(binary, home);
    mkdirSync(join(home, "app"), { recursive: true });
    return id;
}
