import { type ReactNode, useMemo } from "react";
import { formatCounted, formatDate } from "../format.ts";
import { slotLabel } from "../household/labels.ts";
import { type Calendar, DAY_SECONDS } from "../household/periods.ts";
import type { OpenHome } from "../household/vault/messages.ts";
import type { MembershipView } from "../household/vault/sharing-messages.ts";
import { sumOfDays } from "./crowd.ts";
import { Picture, topPowerW } from "./picture.tsx";
import { STEPS } from "./words.ts";

type NeighbourhoodProps = {
    /** Groups of one monitor, the latest month first. */
    readonly memberships: readonly MembershipView[];
    readonly monitor: string;
    readonly home: OpenHome;
    readonly calendar: Calendar;
    readonly nowUnix: number;
};

/** Windows that a group is added up in, by level; that of a slot goes by its length. */
const WINDOWS = ["", "every hour", "every day", "the month"] as const;

/** The groups that a home is counted in, what is seen of them, and how one leaves. */
export function Neighbourhood(props: NeighbourhoodProps): ReactNode {
    const { calendar, home, memberships, monitor, nowUnix } = props;
    const [newest] = memberships;
    if (newest === undefined) return null;
    return (
        <div className="form" data-testid="neighbourhood">
            <p>
                {monitor} adds up groups of homes, and yours is named in{" "}
                {formatCounted(memberships.length, "of them", "of them")}. It reads one number for
                all homes of a group together and cannot take yours out of it, unless all other
                homes tell it theirs.
            </p>
            <ul className="groups">
                {memberships.map((each) => (
                    <li key={each.hashHex} data-testid="group" data-part={each.part}>
                        {groupWords(each, home, nowUnix)}
                    </li>
                ))}
            </ul>
            <Crowd
                home={home}
                calendar={calendar}
                members={newest.members}
                level={newest.level}
                monitor={monitor}
            />
            <details>
                <summary>How to leave</summary>
                <p>
                    Your home takes part for a month by its tokens for that month, and by nothing
                    else. Revoke the grant of a month that has not begun, below, and {monitor} gets
                    no tokens of yours for it: nothing was read yet, and nothing will be. For a
                    month that has begun, what was read stays read. A group that lacks your tokens
                    has no sum at all until {monitor} forms it anew without you.
                </p>
                <p>
                    New groups are answered by your wallet, not by this page. Write{" "}
                    <code>"cohorts": "none"</code> into its <code>policy.json</code>, and it answers
                    none from then on.
                </p>
            </details>
        </div>
    );
}

/** A group in plain words: where, when, how many, and whether this home takes part. */
function groupWords(
    group: MembershipView,
    { slotSeconds, zone }: Pick<OpenHome, "slotSeconds" | "zone">,
    nowUnix: number,
): string {
    const { feeder, fromUnix, level, members, part, toUnix } = group;
    const month = formatDate(fromUnix, zone, { month: "long", year: "numeric" });
    const none =
        toUnix <= nowUnix
            ? "you took no part"
            : "you take no part: your wallet made no tokens for it";
    const own = { none, tokens: "you take part", left: "you left it" }[part];
    return `${feeder}, ${month}: ${members} homes, one sum for ${WINDOWS[level] || `every ${slotLabel(slotSeconds)}`}; ${own}.`;
}

type CrowdProps = Pick<NeighbourhoodProps, "home" | "calendar" | "monitor"> & {
    readonly members: number;
    readonly level: number;
};

/**
 * What a monitor sees, drawn with what is here: days of this home stand in for the other homes, whose
 * readings nobody but they can open.
 */
function Crowd({ calendar, home, level, members, monitor }: CrowdProps): ReactNode {
    const crowd = useMemo(
        () => sumOfDays(home.series, calendar, STEPS[level === 1 ? 2 : 0] ?? "slot", members),
        [home, calendar, level, members],
    );
    if (crowd === null || level > 1) return null;
    const stretch = { fromUnix: crowd.fromUnix, toUnix: crowd.fromUnix + DAY_SECONDS };
    return (
        <div className="sight" data-testid="crowd">
            <p className="hint">
                What it looks like: {members} different days of your own stand in for the {members}{" "}
                homes. Each picture has a scale of its own.
            </p>
            <div className="pictures">
                <Picture
                    title="Your day, which only you see"
                    label={`Your own readings of a day, ${formatCounted(crowd.own.length, "block")}.`}
                    intervals={crowd.own}
                    stretch={stretch}
                    topW={topPowerW(crowd.own)}
                    zone={home.zone}
                    isOthers={false}
                />
                <Picture
                    title={`The sum of ${members} homes, which ${monitor} sees`}
                    label={`Sums over ${members} homes, ${formatCounted(crowd.sum.length, "block")}.`}
                    intervals={crowd.sum}
                    stretch={stretch}
                    topW={topPowerW(crowd.sum)}
                    zone={home.zone}
                    isOthers={true}
                />
            </div>
        </div>
    );
}
