import type { ClockAhead } from "@meterseal/meter";
import { say } from "../console.ts";

/** Tells the person at the terminal when a record begins to wait for the collector's clock, and when none does. */
export function sayClockAhead(ahead: ClockAhead | null): void {
    say(
        ahead === null
            ? "The clocks have met: the collector takes the meter's records again."
            : `Waiting: ${clockSentence(ahead)} Is the clock of this machine right?`,
    );
}

/** One sentence about a record that waits for the collector's clock. */
export function clockSentence({ aheadSeconds, seq, waitSeconds }: ClockAhead): string {
    const [ahead, wait] = [spanOf(aheadSeconds), spanOf(waitSeconds)];
    return `Record ${seq} is dated ${ahead} ahead of the collector's clock, which will take it, and all behind it, in ${wait}.`;
}

/** A span in its two largest units. */
function spanOf(seconds: number): string {
    if (seconds < 60) return `${seconds} s`;
    const minutes = Math.ceil(seconds / 60);
    if (minutes < 60) return `${minutes} min`;
    const hours = Math.floor(minutes / 60);
    if (hours < 24) return `${hours} h ${minutes % 60} min`;
    return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
