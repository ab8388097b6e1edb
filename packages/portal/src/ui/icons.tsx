import type { ReactNode } from "react";

type IconProps = { readonly name: IconName };

/** Icons of the portal: 20 units square, drawn in the colour of the text. */
const SHAPES = {
    holds: <path d="m4.5 10.5 3.6 3.6 7.4-8.2" />,
    fault: <path d="m5.5 5.5 9 9m0-9-9 9" />,
    waiting: <path d="M10 5.5v5l3 2" />,
    unknown: <path d="M5 10h10" />,
    previous: <path d="m12 4.5-5.5 5.5 5.5 5.5" />,
    next: <path d="m8 4.5 5.5 5.5L8 15.5" />,
    lock: (
        <>
            <path d="M6.5 9V6.5a3.5 3.5 0 0 1 7 0V9" />
            <rect x="4.5" y="9" width="11" height="7.5" rx="1.6" />
        </>
    ),
    key: (
        <>
            <circle cx="6.8" cy="13.2" r="3.1" />
            <path d="m9 11 6.5-6.5M13 7l2 2" />
        </>
    ),
    seal: (
        <>
            <circle cx="10" cy="9" r="6" />
            <path d="m7.4 9 1.9 1.9 3.4-3.7M7 14.4 6 18l4-1.6 4 1.6-1-3.6" />
        </>
    ),
    list: (
        <>
            <rect x="3.5" y="3.5" width="13" height="13" rx="2" />
            <path d="M6.8 7.4h6.4M6.8 10h6.4m-6.4 2.6h4" />
        </>
    ),
    alert: (
        <>
            <path d="M10 3.5 17.5 16h-15Z" />
            <path d="M10 8.2v3.6m0 2v.2" />
        </>
    ),
} as const satisfies Record<string, ReactNode>;

/** Name of an icon. */
export type IconName = keyof typeof SHAPES;

/** An icon beside a text that says the same. */
export function Icon({ name }: IconProps): ReactNode {
    return (
        <svg className="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
            {SHAPES[name]}
        </svg>
    );
}

/** The mark: a meter seal, its wire and its lead. */
export function Logo(): ReactNode {
    return (
        <svg className="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
            <path className="logo-wire" d="M10.5 13V9a5.5 5.5 0 0 1 11 0v4" />
            <circle className="logo-lead" cx="16" cy="20" r="9.5" />
            <path className="logo-bolt" d="M17.6 13.8 12 21h3.4l-1 5.2 5.6-7.2h-3.4z" />
        </svg>
    );
}
