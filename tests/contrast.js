// What is told of each text of the page whose contrast is too low; see contrast.py.
(papers) => {
    const still = document.createElement("style"); // nothing is looked at on its way
    still.textContent = "*, ::before, ::after { animation: none !important; transition: none !important; }";
    document.head.append(still);

    const transparent = [0, 0, 0, 0], white = [255, 255, 255, 1];

    // A value of `make` for each element, made once: a browser is slow to say how an element looks.
    function once(make) {
        const known = new Map();
        return (el) => {
            if (!known.has(el)) known.set(el, make(el));
            return known.get(el);
        };
    }
    const styled = once((el) => getComputedStyle(el));

    const colour = once((css) => {
        if (!css || css === "none" || css === "transparent") return transparent;
        const parts = css.match(/-?[\d.]+(e-?\d+)?%?/g) || [];
        const numbers = parts.map((part) => parseFloat(part) / (part.endsWith("%") ? 100 : 1));
        if (css.startsWith("color(srgb ")) return [...numbers.slice(0, 3).map((part) => 255 * part), numbers[3] ?? 1];
        if (!css.startsWith("rgb")) throw new Error(`which colour is ${css}?`);
        return [...numbers.slice(0, 3), numbers[3] ?? 1];
    });
    const rgb = (shade) => shade.replace(/^#(..)(..)(..)$/, (_, ...parts) => `rgb(${parts.slice(0, 3).map((part) => parseInt(part, 16))})`);
    const faded = ([r, g, b, a], share) => [r, g, b, a * share];
    function over(top, below) {
        if (top[3] === 1 || !below[3]) return top;
        const a = top[3] + below[3] * (1 - top[3]);
        return [...[0, 1, 2].map((i) => (top[i] * top[3] + below[i] * below[3] * (1 - top[3])) / a), a];
    }
    function luminance(rgb) {
        const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        const [r, g, b] = rgb.map((part) => linear(part / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    }
    function contrast(one, other) {
        const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
    }

    // What an element paints behind its text: its own on a screen, and on paper only where it is asked for.
    const ground = (style) => ({
        background: colour(style.backgroundColor),
        printed: (style.printColorAdjust || style.webkitPrintColorAdjust) === "exact",
        opacity: Number(style.opacity),
    });
    const grounds = once((el) => ({
        ...ground(styled(el)),
        ...(el.ownerSVGElement ? { background: transparent } : {}), // a shape in a drawing has a fill
    }));

    // What a drawing is made of, in the order in which it is painted.
    const shapes = once((drawing) => {
        const found = [];
        for (const shape of drawing.querySelectorAll("rect, path, circle, ellipse, polygon")) {
            if (shape.closest("defs, clipPath, mask, marker") || !shape.checkVisibility({ visibilityProperty: true })) continue;
            let fill = faded(colour(styled(shape).fill), styled(shape).fillOpacity);
            const clips = [];
            for (let el = shape; el && el !== drawing; el = el.parentElement) {
                fill = faded(fill, styled(el).opacity);
                const [, id] = /^url\("#(.*)"\)$/.exec(styled(el).clipPath) || [];
                const clip = id && document.getElementById(id)?.querySelector("rect");
                if (clip) clips.push([el, clip]);
            }
            if (fill[3]) found.push({ shape, fill, clips });
        }
        return found;
    });
    const at = (el, x, y) => new DOMPoint(x, y).matrixTransform(el.getScreenCTM().inverse());
    function clipped([el, rect], x, y) {
        const point = at(el, x, y);
        const [left, top, width, height] = ["x", "y", "width", "height"].map((name) => Number(rect.getAttribute(name)));
        return point.x < left || point.x > left + width || point.y < top || point.y > top + height;
    }
    // The shapes that were painted before `text`, at a point of the window, topmost first.
    function under(text, x, y) {
        const drawing = text.closest(".recall-plot") || text.closest("svg");
        return shapes(drawing).filter(({ shape, clips }) =>
            shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING
            && shape.isPointInFill(at(shape, x, y)) && !clips.some((clip) => clipped(clip, x, y))
        ).map(({ fill }) => ({ background: fill, printed: true, opacity: 1 })).reverse();
    }

    // The colours of a text and of what lies beside it, both as they reach the eye.
    function seen(el, ink, layers, paper) {
        let beside = transparent;
        const through = ({ background, printed, opacity }) => {
            const layer = paper && !printed ? transparent : background;
            [ink, beside] = [over(ink, layer), over(beside, layer)].map((each) => faded(each, opacity));
        };
        layers.forEach(through);
        for (; el; el = el.parentElement) through(grounds(el));
        return [over(ink, white), over(beside, white)];
    }

    const wanting = new Set();
    let checked = 0;
    function check(el, words, style, ink, layers = [], points = [null]) {
        const scale = el.ownerSVGElement ? Math.hypot(el.getScreenCTM().a, el.getScreenCTM().b) : 1;
        const size = scale * parseFloat(style.fontSize);
        const least = size >= 24 || (size >= 56 / 3 && style.fontWeight >= 700) ? 3 : 4.5;
        checked += 1;
        for (const paper of papers) {
            for (const point of points) {
                const [text, beside] = seen(el, ink, point ? under(el, ...point) : layers, paper);
                const found = contrast(text, beside);
                if (found >= least) continue;
                const place = [];
                for (let part = el; part && place.length < 4; part = part.parentElement) {
                    place.unshift(part.tagName.toLowerCase() + [...part.classList].map((name) => `.${name}`).join(""));
                }
                const told = [text, beside].map((each) => `rgb(${each.slice(0, 3).map(Math.round)})`).join(" on ");
                const words40 = words.trim().replace(/\s+/g, " ").slice(0, 40);
                wanting.add(`${found.toFixed(2)}: "${words40}", ${told}${paper ? " (paper)" : ""}, ${place.join(" > ")}`);
            }
        }
    }

    // Of siblings with one tag, class and style the first stands for all: code is made of thousands.
    function twins() {
        const kinds = new Map();
        return (el) => {
            const known = kinds.get(el.parentElement) || kinds.set(el.parentElement, new Set()).get(el.parentElement);
            const kind = `${el.tagName} ${el.getAttribute("class")} ${el.getAttribute("style")}`;
            return known.has(kind) || !known.add(kind);
        };
    }
    const textTwin = twins(), markTwin = twins();

    const off = ":disabled, [aria-disabled=true]";
    const shown = once((el) => el.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !el.closest(off));
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const text = texts.currentNode, el = text.parentElement;
        if (!text.data.trim() || !shown(el) || el.closest("mjx-container, option")) continue;
        const range = document.createRange();
        range.selectNodeContents(text);
        const boxes = [...range.getClientRects()].filter((box) => box.width > 0 && box.height > 0);
        if (!boxes.length) continue;
        const style = styled(el);
        if (!el.ownerSVGElement) {
            if (!textTwin(el)) check(el, text.data, style, colour(style.color));
        } else if (el.closest(".heatmap-label")) {
            // the cells are one picture: the number has to be read on every colour that they may have
            const { colorscale } = el.closest(".recall-plot")._fullData.find((trace) => trace.type === "heatmap");
            const ink = faded(colour(style.fill), style.fillOpacity);
            for (const [, shade] of colorscale) {
                check(el, text.data, style, ink, [{ background: colour(rgb(shade)), printed: true, opacity: 1 }]);
            }
        } else {
            const points = boxes.flatMap((box) => [0.05, 0.5, 0.95].map((share) => [
                box.left + share * box.width, (box.top + box.bottom) / 2,
            ]));
            check(el, text.data, style, faded(colour(style.fill), style.fillOpacity), [], points);
        }
    }
    const field = "select, textarea, input:not([type=range], [type=checkbox], [type=radio], [type=hidden])";
    for (const el of document.body.querySelectorAll("*")) {
        if (el.ownerSVGElement || el.parentElement.closest("mjx-container") || !shown(el)) continue;
        const style = styled(el);
        if (el.tagName === "MJX-CONTAINER") {
            check(el, el.textContent || "mathematics", style, colour(style.color));
            continue; // its letters stand in pseudo-elements
        }
        if (el.matches(field) && el.getClientRects().length) {
            const own = el.value ? style : getComputedStyle(el, "::placeholder");
            const words = el.value || el.placeholder;
            if (words) check(el, words, style, faded(colour(own.color), el.value ? 1 : own.opacity));
        }
        if (markTwin(el)) continue;
        for (const which of ["::before", "::after"]) {
            const own = getComputedStyle(el, which);
            if (own.content === "none" || own.content === "normal" || !/[\p{L}\p{N}\p{P}]/u.test(own.content.slice(1, -1))) continue; // no text, or an icon
            if (own.display === "none" || own.visibility !== "visible" || own.opacity === "0" || !el.getClientRects().length) continue;
            check(el, own.content, own, colour(own.color), [ground(own)]);
        }
    }
    return { checked, wanting: [...wanting] };
}
