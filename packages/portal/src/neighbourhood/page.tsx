import { lazy, type ReactNode, Suspense } from "react";
import type { Network } from "../api/client.ts";
import type { NetworkView } from "../api/use-network.ts";
import { ROUTES } from "../route.ts";
import { MeterTable } from "./meter-table.tsx";
import { Tiles } from "./tiles.tsx";

/** Loads the record parser, which the rest of this page does without. */
const SealedRow = lazy(async () => {
    const { SealedRow: panel } = await import("./sealed-row.tsx");
    return { default: panel };
});

/** What everybody may see: the fleet, the ledger, and how little the server knows. */
export function NeighbourhoodPage({ view }: { readonly view: NetworkView }): ReactNode {
    const { network, meters, unreachable } = view;
    return (
        <div className="page">
            <Headline network={network} />
            {network === null ? (
                !unreachable && <p className="loading">Asking the server …</p>
            ) : (
                <>
                    <Tiles network={network} meters={meters} />
                    <div className="columns">
                        <Suspense fallback={<div className="card columns-side" aria-busy="true" />}>
                            <SealedRow network={network} meters={meters} />
                        </Suspense>
                        <MeterTable meters={meters} />
                    </div>
                </>
            )}
        </div>
    );
}

const LEADS = {
    sealed: "Each meter seals its readings with a key that stays in its household, signs them and chains them together. This server collects them into a ledger that anybody can audit. What was used, and when, it cannot tell.",
    open: "Each meter signs its readings and chains them together. This server collects them into a ledger that anybody can audit. In this network the readings themselves are plain.",
    mixed: "Each meter signs its readings and chains them together. This server collects them into a ledger that anybody can audit. Some meters seal their readings with a key that stays in the household, others send them plain, as each was enrolled.",
} as const;

function Headline({ network }: { readonly network: Network | null }): ReactNode {
    return (
        <div className="headline">
            <h1>The neighbourhood, as the server sees it</h1>
            <p className="lead">
                {LEADS[network?.mode ?? "sealed"]} <a href={ROUTES.household}>Open your own home</a>
            </p>
        </div>
    );
}
