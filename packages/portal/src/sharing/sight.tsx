import type { UsageInterval } from "@meterseal/wallet";
import { type ReactNode, useMemo } from "react";
import { formatCounted } from "../format.ts";
import { IntervalTable } from "../household/interval-table.tsx";
import { type Calendar, DAY_SECONDS, HOUR_SECONDS } from "../household/periods.ts";
import type { OpenHome } from "../household/vault/messages.ts";
import { Picture, topPowerW } from "./picture.tsx";
import { revealedBy, type Stretch } from "./revealed.ts";
import { type Step, stretchName } from "./words.ts";

type SightProps = {
    readonly home: OpenHome;
    readonly calendar: Calendar;
    readonly step: Step;
    readonly stretch: Stretch;
    readonly recipient: string;
};

/** What the household sees beside what somebody else would: pictures, and the exact numbers. */
export function Sight({ home, calendar, step, stretch, recipient }: SightProps): ReactNode {
    const sight = useMemo(
        () => sightOf(home, calendar, step, stretch),
        [home, calendar, step, stretch],
    );
    if (sight === null) {
        return (
            <p className="hint">
                There is no picture of this yet: your readings are not long enough for one such
                total.
            </p>
        );
    }
    const { isExample, own, shown, theirs } = sight;
    const { zone } = home;
    const name = stretchName(shown.fromUnix, shown.toUnix, zone);
    const topW = topPowerW(own);
    return (
        <div className="sight" data-testid="sight">
            <p className="hint">
                {isExample
                    ? `There are no such totals of this time yet. This is what it would be like, on your own readings of ${name}.`
                    : `Drawn from your own readings, ${name}.`}
            </p>
            <div className="pictures">
                <Picture
                    title="What you see"
                    label={`Your own readings, ${formatCounted(own.length, "block")}.`}
                    intervals={own}
                    stretch={shown}
                    topW={topW}
                    zone={zone}
                    isOthers={false}
                />
                <Picture
                    title={`What ${recipient} sees`}
                    label={`What ${recipient} sees of the same time, ${formatCounted(theirs.length, "block")}.`}
                    intervals={theirs}
                    stretch={shown}
                    topW={topW}
                    zone={zone}
                    isOthers={true}
                />
            </div>
            <IntervalTable
                caption={`The numbers that ${recipient} sees, ${name}`}
                heading="From – to"
                intervals={theirs}
                labelOf={({ fromUnix, toUnix }) => stretchName(fromUnix, toUnix, zone)}
                before={null}
                onOpen={null}
                testId="sight-table"
            />
        </div>
    );
}

type SightOf = {
    readonly shown: Stretch;
    readonly own: readonly UsageInterval[];
    readonly theirs: readonly UsageInterval[];
    /** Whether the household's newest readings stand in for a time without any. */
    readonly isExample: boolean;
};

/** Seconds that a picture of each step shows, so that the finer of the two can still be read. */
const SHOWN_SECONDS: Readonly<Record<Step, number>> = {
    slot: 2 * DAY_SECONDS,
    "half-hour": 2 * DAY_SECONDS,
    hour: 2 * DAY_SECONDS,
    day: 7 * DAY_SECONDS,
    week: 28 * DAY_SECONDS,
    month: 92 * DAY_SECONDS,
    year: 366 * DAY_SECONDS,
    total: Number.POSITIVE_INFINITY,
};
/** Longest picture in which the household's own readings are drawn one by one. */
const SLOTS_SHOWN_SECONDS = 29 * DAY_SECONDS;

/** The newest sums of a step within a stretch; else the newest of all; null where there are none. */
function sightOf(home: OpenHome, calendar: Calendar, step: Step, stretch: Stretch): SightOf | null {
    const { series } = home;
    const everything = {
        fromUnix: series[0]?.unix ?? 0,
        toUnix: series.at(-1)?.unix ?? 0,
    };
    const real = revealedBy(series, calendar, step, stretch);
    const isExample = real.length === 0;
    const all = isExample ? revealedBy(series, calendar, step, everything) : real;
    const toUnix = all.at(-1)?.toUnix;
    if (toUnix === undefined) return null;
    const theirs = newestDays(all, calendar, toUnix - SHOWN_SECONDS[step] - HOUR_SECONDS);
    const shown = { fromUnix: theirs[0]?.fromUnix ?? toUnix, toUnix };
    const isLong = toUnix - shown.fromUnix > SLOTS_SHOWN_SECONDS;
    const own = revealedBy(series, calendar, isLong ? "day" : "slot", shown);
    return { shown, own, theirs, isExample };
}

/** Sums from an instant on, and there from the first that begins a day; an hour more is for days of 25. */
function newestDays(
    all: readonly UsageInterval[],
    { days }: Calendar,
    sinceUnix: number,
): readonly UsageInterval[] {
    const midnights = new Set(days.map(({ fromUnix }) => fromUnix));
    const newest = all.filter(({ fromUnix }) => fromUnix >= sinceUnix);
    return newest.slice(
        Math.max(
            0,
            newest.findIndex(({ fromUnix }) => midnights.has(fromUnix)),
        ),
    );
}
