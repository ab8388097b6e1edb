import type { UsageInterval } from "@meterseal/wallet";
import { type ReactNode, useId } from "react";
import { formatDate } from "../format.ts";
import { HOUR_SECONDS } from "../household/periods.ts";
import type { Stretch } from "./revealed.ts";

type PictureProps = {
    readonly title: string;
    /** What the picture says, for those who do not see it. */
    readonly label: string;
    readonly intervals: readonly UsageInterval[];
    readonly stretch: Stretch;
    /** Power at the upper edge, the same in pictures that are compared, in W. */
    readonly topW: number;
    readonly zone: string;
    readonly isOthers: boolean;
};

const WIDTH = 600;
const HEIGHT = 96;

/** Mean power of an interval, W; null where nothing was measured. */
function meanPowerW({ fromUnix, importWh, toUnix }: UsageInterval): number | null {
    if (importWh === null) return null;
    return (Number(importWh) * HOUR_SECONDS) / (toUnix - fromUnix);
}

/** Highest mean power of some intervals, W. */
export function topPowerW(intervals: readonly UsageInterval[]): number {
    return intervals.reduce((top, each) => Math.max(top, meanPowerW(each) ?? 0), 1);
}

/**
 * How finely somebody sees energy: a block for each sum, as wide as its time and as high as its mean
 * power, so that the same energy has the same area however finely it is cut.
 */
export function Picture(props: PictureProps): ReactNode {
    const { title, label, intervals, stretch, topW, zone, isOthers } = props;
    const titleId = useId();
    const span = stretch.toUnix - stretch.fromUnix;
    const x = (unix: number): number => ((unix - stretch.fromUnix) / span) * WIDTH;
    return (
        <figure className="picture" aria-labelledby={titleId}>
            <figcaption id={titleId}>{title}</figcaption>
            <svg
                viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
                preserveAspectRatio="none"
                role="img"
                aria-label={label}
                className={isOthers ? "picture-others" : "picture-own"}
                data-blocks={intervals.length}
            >
                {intervals.map((interval) => {
                    const power = meanPowerW(interval);
                    const left = x(interval.fromUnix);
                    const width = x(interval.toUnix) - left;
                    const height = power === null ? HEIGHT : Math.max(1, (power / topW) * HEIGHT);
                    return (
                        <rect
                            key={interval.fromUnix}
                            className={power === null ? "picture-gap" : "picture-block"}
                            x={left}
                            y={HEIGHT - height}
                            width={width}
                            height={height}
                        />
                    );
                })}
            </svg>
            <p className="picture-ends" aria-hidden="true">
                <span>{dateOf(stretch.fromUnix, zone)}</span>
                <span>{dateOf(stretch.toUnix - 1, zone)}</span>
            </p>
        </figure>
    );
}

function dateOf(unix: number, zone: string): string {
    return formatDate(unix, zone, { weekday: "short", day: "numeric", month: "short" });
}
