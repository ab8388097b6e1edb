import { type ReactNode, useEffect, useState } from "react";
import type { Network } from "../api/client.ts";
import { isReplaying } from "../api/use-network.ts";
import { formatCount, formatMoment } from "../format.ts";
import { Notice } from "./notice.tsx";

type ReplayClockProps = {
    readonly clock: Network["clock"];
    /** When the server said so, milliseconds since 1970. */
    readonly answeredAtMs: number | null;
};

const TICK_MS = 1_000;
/** The clock goes on by itself between two answers of the server, and not much longer. */
const AHEAD_MAX_MS = 5_000;

/** The label of a replay and its time, which goes on between the answers of the server. */
export function ReplayClock({ clock, answeredAtMs }: ReplayClockProps): ReactNode {
    const { label, nowMs, replay } = clock;
    const isRunning = replay != null && !replay.ended && replay.speed > 0;
    const wallMs = useWallClock(isRunning);
    if (label === null) return null;
    const aheadMs =
        isRunning && answeredAtMs !== null
            ? Math.min(Math.max(0, wallMs - answeredAtMs), AHEAD_MAX_MS) * replay.speed
            : 0;
    const shownMs = isRunning ? Math.min(replay.endMs, nowMs + aheadMs) : nowMs;
    return (
        <p className="clock-label" data-testid="clock-label" data-running={isRunning}>
            <strong>{label}</strong>
            <span className="clock-now"> {formatMoment(shownMs / 1000, "UTC")} UTC</span>
            {isRunning && (
                <span className="clock-now">, {formatCount(replay.speed)} times as fast</span>
            )}
            {replay?.ended === true && <span>, ended</span>}
        </p>
    );
}

/** The time on the wall, each second while it is asked for and the page is visible. */
function useWallClock(isAsked: boolean): number {
    const [nowMs, setNow] = useState(() => Date.now());
    useEffect(() => {
        if (!isAsked) return;
        const timer = setInterval(() => {
            if (document.visibilityState === "visible") setNow(Date.now());
        }, TICK_MS);
        return () => clearInterval(timer);
    }, [isAsked]);
    return nowMs;
}

/** Says that a replay has come to its end, so that a page that stands still is not taken for broken. */
export function ReplayEnded({ network }: { readonly network: Network | null }): ReactNode {
    if (network?.clock.replay == null || isReplaying(network)) return null;
    const { label, nowMs } = network.clock;
    return (
        <Notice kind="quiet" icon="waiting" title={`The ${label ?? "replay"} has ended`}>
            <p>
                There are no readings after {formatMoment(nowMs / 1000, "UTC")} UTC. Time stands
                still; everything that was read stays and can be looked at and verified.
            </p>
        </Notice>
    );
}
