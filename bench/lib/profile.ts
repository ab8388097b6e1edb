import { readFileSync } from "node:fs";

type Frame = { readonly functionName: string; readonly url: string };
type Node = {
    readonly id: number;
    readonly callFrame: Frame;
    readonly children?: readonly number[];
};
type Profile = {
    readonly nodes: readonly Node[];
    readonly samples: readonly number[];
    readonly timeDeltas: readonly number[];
};

/** Time by place, in seconds, largest first. */
export type Shares = readonly { readonly name: string; readonly seconds: number }[];

/** Gives a frame's bucket, or null to ask the frame that called it. */
export type Bucket = (frame: Frame) => string | null;

/** Sorts the samples of a `.cpuprofile` by the innermost frame that has a bucket. */
export function readProfile(path: string, bucketOf: Bucket = defaultBucket): Shares {
    const profile: Profile = JSON.parse(readFileSync(path, "utf8"));
    const parents = new Map<number, Node>();
    const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
    for (const node of profile.nodes) {
        for (const child of node.children ?? []) parents.set(child, node);
    }
    const names = new Map<number, string>();
    for (const node of profile.nodes) {
        let at: Node | undefined = node;
        let name: string | null = null;
        while (at !== undefined && name === null) {
            name = bucketOf(at.callFrame);
            at = parents.get(at.id);
        }
        names.set(node.id, name ?? `other: ${nodes.get(node.id)?.callFrame.functionName}`);
    }
    const spent = new Map<string, number>();
    profile.samples.forEach((id, i) => {
        const name = names.get(id) ?? "other";
        const seconds = (profile.timeDeltas[i + 1] ?? 0) / 1e6;
        spent.set(name, (spent.get(name) ?? 0) + seconds);
    });
    return [...spent]
        .map(([name, seconds]) => ({ name, seconds }))
        .sort((a, b) => b.seconds - a.seconds);
}

/** By file of ours, library, or kind of runtime work. */
export function defaultBucket({ functionName, url }: Frame): string | null {
    if (functionName === "(idle)") return "idle";
    if (functionName === "(garbage collector)") return "garbage collector";
    if (functionName === "(program)") return "native, no frame";
    const ours = /packages\/(\w+)\/src\/(.+)$/.exec(url);
    if (ours !== null) return `${ours[1]}/${ours[2]}`;
    if (url.includes("/bench/")) return "bench";
    const library = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url);
    if (library !== null) return `npm ${library[1]}`;
    if (/internal\/crypto/.test(url)) return `node:crypto ${url.split("/").at(-1)}`;
    if (/node:(net|internal\/stream|internal\/streams|stream)/.test(url)) return "node:net";
    return null;
}
