import type { ReactNode } from "react";
import type { Meter, Network } from "../api/client.ts";
import { formatCount, formatCounted, shortHex } from "../format.ts";
import { ROUTES } from "../route.ts";
import { Moment } from "../ui/moment.tsx";
import { readCheckpoint } from "./checkpoint.ts";

type TilesProps = { readonly network: Network; readonly meters: readonly Meter[] };

/** How registers are kept, in each mode of a network. */
const REGISTERS = {
    sealed: { readings: "sealed registers", are: "Sealed", known: "no key on this server" },
    open: { readings: "signed registers", are: "Open", known: "the server can read them" },
    mixed: {
        readings: "sealed or plain registers",
        are: "Sealed or open",
        known: "as each meter was enrolled",
    },
} as const;

/** The state of the network in six numbers: first what everybody understands, then the ledger. */
export function Tiles({ network, meters }: TilesProps): ReactNode {
    const { ledger, mode } = network;
    const kept = REGISTERS[mode];
    const reporting = meters.filter((meter) => meter.records > 0).length;
    return (
        <dl className="tiles" aria-label="State of the network">
            <Tile label="Meters" value={formatCount(meters.length)}>
                {reporting === meters.length && reporting > 0
                    ? "all have reported"
                    : `${formatCount(reporting)} have reported`}
            </Tile>
            <Tile label="Readings" value={formatCount(ledger.readings)}>
                {kept.readings}
            </Tile>
            <Tile label="Registers are" value={kept.are}>
                {kept.known}
            </Tile>
            <Tile label="Records" value={formatCount(ledger.records)}>
                each signed by its meter
            </Tile>
            <Tile label="Ledger" value={formatCounted(ledger.size, "entry", "entries")}>
                {formatCounted(ledger.vertices, "batch", "batches")} of records, rest enrolments;{" "}
                <a href={ROUTES.ledger}>how it grew</a>
            </Tile>
            <CheckpointTile network={network} />
        </dl>
    );
}

function CheckpointTile({ network }: { readonly network: Network }): ReactNode {
    const head = network.checkpoint === null ? null : readCheckpoint(network.checkpoint);
    if (head === null) {
        return (
            <Tile label="Latest checkpoint" value="None yet">
                the first follows the first entry
            </Tile>
        );
    }
    return (
        <Tile
            label="Latest checkpoint"
            value={
                <code title={head.rootHex} data-testid="checkpoint-root">
                    {shortHex(head.rootHex)}
                </code>
            }
        >
            root over {formatCounted(head.size, "entry", "entries")}, as of{" "}
            <Moment unix={network.clock.nowMs / 1000} zone="UTC" /> UTC
        </Tile>
    );
}

type TileProps = {
    readonly label: string;
    readonly value: ReactNode;
    readonly children: ReactNode;
};

function Tile({ label, value, children }: TileProps): ReactNode {
    return (
        <div className="tile">
            <dt>{label}</dt>
            <dd className="tile-value">{value}</dd>
            <dd className="tile-note">{children}</dd>
        </div>
    );
}
