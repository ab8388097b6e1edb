import { existsSync, writeFileSync } from "node:fs";
import { error, fromHex, unwrap, utf8 } from "@meterseal/core";
import {
    CULPRIT,
    checkContradiction,
    encodeContradiction,
    networkIdOf,
    type ProvenContradiction,
} from "@meterseal/ledger";
import { openServerStore } from "@meterseal/stores/sqlite";
import {
    type Command,
    type OptionSpec,
    type Options,
    requiredOption,
    textOption,
} from "../cli/arguments.ts";
import { networkOption } from "../cli/network-option.ts";
import { out, say } from "../console.ts";
import { ContradictionFiles, checkFile, readContradiction } from "../contradictions/files.ts";
import { EXIT } from "../exit-codes.ts";
import { PLACES, readBounded, requireDirectory } from "../files.ts";
import { askApi } from "../http-client.ts";

const LIST_ROUTE = "/api/v1/contradictions";
const JSON_OPTION = { kind: "flag", help: "prints JSON" } as const;
const NETWORK: OptionSpec = {
    kind: "value",
    value: "ID",
    help: "network that it is about, as its operator names it",
};
/** Bytes of a witness's file: two signed notes. */
const SPLIT_VIEW_BYTES = 262_144;

type Listed = ProvenContradiction & { readonly file: string };

/** `meterseal contradiction list`: what signers contradicted themselves in. */
export const contradictionListCommand: Command = {
    name: "contradiction list",
    summary: "lists the proofs of what meters, collectors or the log signed against themselves",
    options: {
        data: { kind: "value", value: "DIR", help: "reads the data directory, without a server" },
        url: { kind: "value", value: "URL", help: "asks a server" },
        json: JSON_OPTION,
    },
    examples: ["meterseal contradiction list --url http://127.0.0.1:8480"],
    async run(options) {
        const listed = await listOf(options);
        if (options.json === true) out(JSON.stringify({ contradictions: listed }));
        else if (listed.length === 0) out("There are none.");
        else for (const each of listed) out(`${each.file}\n    ${sentence(each)}`);
        return EXIT.ok;
    },
};

/** `meterseal contradiction get`: fetches a proof, checked. */
export const contradictionGetCommand: Command = {
    name: "contradiction get",
    positional: "NAME",
    summary: "fetches a proof from a server, and checks it",
    options: {
        url: { kind: "value", value: "URL", help: "server to ask" },
        network: NETWORK,
        out: { kind: "value", value: "FILE", help: "file to write" },
        json: JSON_OPTION,
    },
    examples: [
        "meterseal contradiction get meter-0a…-0.contradiction --url http://127.0.0.1:8480 --network 7c… --out proof.contradiction",
    ],
    async run(options, [name]) {
        if (name === undefined) throw error("MS_USAGE", { expected: "the NAME of a proof" });
        const path = newFile(options);
        const network = requiredNetwork(options);
        const url = requiredOption(options, "url", "URL");
        const answer = await askApi(url, `${LIST_ROUTE}/${encodeURIComponent(name)}`);
        const bytes = new Uint8Array(await answer.arrayBuffer());
        const { fault, proven } = checkFile(name, bytes, network);
        if (fault !== null) throw fault;
        writeFileSync(path, bytes, { flag: "wx", flush: true });
        print(options, proven, path);
        return EXIT.ok;
    },
};

/** `meterseal contradiction verify`: checks a proof with nothing but the network's id. */
export const contradictionVerifyCommand: Command = {
    name: "contradiction verify",
    positional: "FILE",
    summary: "checks a proof offline, with nothing but the network's id",
    options: { network: NETWORK, json: JSON_OPTION },
    examples: ["meterseal contradiction verify proof.contradiction --network 7c…"],
    // biome-ignore lint/suspicious/useAwait: every command is asynchronous to its caller
    async run(options, [path]) {
        if (path === undefined) throw error("MS_USAGE", { expected: "the FILE of a proof" });
        print(options, readContradiction(path, requiredNetwork(options)).proven, null);
        return EXIT.ok;
    },
};

/** `meterseal contradiction pack`: makes a proof of what a witness kept. */
export const contradictionPackCommand: Command = {
    name: "contradiction pack",
    positional: "FILE",
    summary: "makes a proof of two checkpoints that a witness kept (split-view-….json)",
    options: {
        data: {
            kind: "value",
            value: "DIR",
            help: "data directory that has the network's genesis",
        },
        url: { kind: "value", value: "URL", help: "server that has it" },
        out: { kind: "value", value: "FILE", help: "file to write" },
        json: JSON_OPTION,
    },
    examples: [
        "meterseal contradiction pack witness/split-view-3f….json --url http://127.0.0.1:8480 --out proof.contradiction",
    ],
    async run(options, [file]) {
        if (file === undefined) throw error("MS_USAGE", { expected: "the FILE of a witness" });
        const path = newFile(options);
        const genesis = await genesisFrom(options);
        const proof = {
            culprit: CULPRIT.log,
            genesis,
            enrolment: null,
            statements: readSplitView(file),
            context: [],
        };
        const proven = unwrap(checkContradiction(proof, networkIdOf(genesis)));
        writeFileSync(path, encodeContradiction(proof), { flag: "wx", flush: true });
        print(options, proven, path);
        return EXIT.ok;
    },
};

async function listOf(options: Options): Promise<Listed[]> {
    if (textOption(options, "data") === undefined) {
        const answer = await askApi(
            requiredOption(options, "url", "URL, or --data DIR"),
            LIST_ROUTE,
        );
        return ((await answer.json()) as { contradictions: Listed[] }).contradictions;
    }
    const genesis = await genesisFrom(options);
    const dir = PLACES.contradictions(requiredOption(options, "data", "DIR"));
    return new ContradictionFiles(dir, networkIdOf(genesis))
        .list()
        .map(({ fault, file, proven }) => {
            if (fault !== null) throw fault;
            return { file, ...proven };
        });
}

/** Genesis bytes of a data directory, or as a server states them. */
async function genesisFrom(options: Options): Promise<Uint8Array> {
    const dataDir = textOption(options, "data");
    if (dataDir === undefined) {
        const url = requiredOption(options, "url", "URL, or --data DIR");
        const answer = await askApi(url, "/api/v1/network");
        return fromHex(((await answer.json()) as { readonly genesis: string }).genesis);
    }
    requireDirectory(dataDir);
    const store = await openServerStore(PLACES.server(dataDir), { readOnly: true });
    try {
        const genesis = await store.genesis();
        if (genesis !== null) return genesis;
        throw error("MS_GENESIS", { where: dataDir, got: "none" });
    } finally {
        await store.close();
    }
}

function readSplitView(path: string): readonly [Uint8Array, Uint8Array] {
    const text = readBounded(path, SPLIT_VIEW_BYTES).toString("utf8");
    try {
        const { notes } = JSON.parse(text) as { readonly notes: readonly unknown[] };
        const [first, second] = notes;
        if (typeof first === "string" && typeof second === "string") {
            return [utf8(first), utf8(second)];
        }
    } catch {
        // Said below.
    }
    throw error("MS_MALFORMED", { where: path, expected: "two notes that a witness kept" });
}

function requiredNetwork(options: Options): Uint8Array {
    const network = networkOption(options);
    if (network !== null) return network;
    throw error("MS_USAGE", { expected: "--network ID", got: "none" });
}

function newFile(options: Options): string {
    const path = requiredOption(options, "out", "FILE");
    if (!existsSync(path)) return path;
    throw error("MS_USAGE", { where: path, expected: "--out with a file that is not there yet" });
}

function sentence({ culprit, id, where }: ProvenContradiction): string {
    return `The ${culprit} ${id} signed two statements that contradict each other: ${where}.`;
}

function print(options: Options, proven: ProvenContradiction, file: string | null): void {
    const facts = { ...proven, ...(file === null ? {} : { file }) };
    if (options.json === true) out(JSON.stringify({ verified: true, ...facts }));
    else out(sentence(proven));
    if (options.json !== true && file !== null) say(`Written: ${file}`);
}
