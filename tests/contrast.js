// What is told of each text of the page whose contrast is too low; see contrast.py.
(paper) => {
    const transparent = [0, 0, 0, 0], white = [255, 255, 255, 1];

    function colour(css) {
        if (!css || css === "none" || css === "transparent") return transparent;
        const numbers = (css.match(/-?[\d.]+(e-?\d+)?%?/g) || []).map((part) => parseFloat(part) / (part.endsWith("%") ? 100 : 1));
        if (css.startsWith("color(srgb ")) return [...numbers.slice(0, 3).map((part) => 255 * part), numbers[3] ?? 1];
        if (!css.startsWith("rgb")) throw new Error(`which colour is ${css}?`);
        return [...numbers.slice(0, 3), numbers[3] ?? 1];
    }
    const faded = ([r, g, b, a], share) => [r, g, b, a * share];
    function over(top, below) {
        const a = top[3] + below[3] * (1 - top[3]);
        if (!a) return transparent;
        return [...[0, 1, 2].map((i) => (top[i] * top[3] + below[i] * below[3] * (1 - top[3])) / a), a];
    }
    function luminance(rgb) {
        const [r, g, b] = rgb.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    }
    function contrast(one, other) {
        const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
    }

    // A sheet of paper is white: a browser prints a background only where it is asked to.
    const printed = (style) => !paper || (style.printColorAdjust || style.webkitPrintColorAdjust) === "exact";
    const painted = (style) => (printed(style) ? colour(style.backgroundColor) : transparent);

    // What was drawn in a figure before `text`, at a point of the window, topmost first.
    function shapesUnder(text, x, y) {
        const whole = text.closest(".recall-plot") || text.ownerSVGElement;
        const found = [];
        for (const shape of whole.querySelectorAll("rect, path, circle, ellipse, polygon")) {
            if (!(shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING)) continue;
            const style = getComputedStyle(shape);
            let fill = faded(colour(style.fill), style.fillOpacity);
            for (let el = shape; el && el !== whole; el = el.parentElement) fill = faded(fill, getComputedStyle(el).opacity);
            if (!fill[3] || shape.closest("defs, clipPath, mask, marker") || !shape.checkVisibility({ visibilityProperty: true })) continue;
            if (shape.isPointInFill(new DOMPoint(x, y).matrixTransform(shape.getScreenCTM().inverse()))) found.unshift(fill);
        }
        return found;
    }

    // The colours of a text and of what lies beside it, both as they reach the eye.
    function seen(el, ink, under, before) {
        let ground = transparent;
        for (const layer of before) [ink, ground] = [over(ink, layer), over(ground, layer)];
        for (const layer of under) [ink, ground] = [over(ink, layer), over(ground, layer)];
        for (; el; el = el.parentElement) {
            const style = getComputedStyle(el), layer = el.namespaceURI.endsWith("svg") && el.tagName !== "svg" ? transparent : painted(style);
            [ink, ground] = [over(ink, layer), over(ground, layer)].map((each) => faded(each, style.opacity));
        }
        return [over(ink, white), over(ground, white)];
    }

    const wanting = [];
    let checked = 0;
    function check(el, words, style, { ink, layers = [], points = [null] }) {
        let size = parseFloat(style.fontSize);
        if (el.ownerSVGElement) size *= Math.hypot(el.getScreenCTM().a, el.getScreenCTM().b);
        const large = size >= 24 || (size >= 56 / 3 && style.fontWeight >= 700);
        checked += 1;
        for (const point of points) {
            const [text, ground] = seen(el, ink, point ? shapesUnder(el, ...point) : [], layers);
            const found = contrast(text, ground);
            if (found >= (large ? 3 : 4.5)) continue;
            const place = [];
            for (let at = el; at && place.length < 4; at = at.parentElement) place.unshift(at.tagName.toLowerCase() + [...at.classList].map((name) => `.${name}`).join(""));
            const told = [text, ground].map((each) => `rgb(${each.slice(0, 3).map(Math.round)})`).join(" on ");
            wanting.push(`${found.toFixed(2)}: "${words.trim().slice(0, 40)}", ${told}, ${place.join(" > ")}`);
            break;
        }
    }

    const shown = (el) => el.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !el.closest(":disabled, [aria-disabled=true]");
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const text = texts.currentNode, el = text.parentElement;
        if (!text.data.trim() || !shown(el) || el.closest("mjx-container, option")) continue;
        const range = document.createRange();
        range.selectNodeContents(text);
        const boxes = [...range.getClientRects()].filter((box) => box.width > 0 && box.height > 0);
        if (!boxes.length) continue;
        const style = getComputedStyle(el);
        if (!el.ownerSVGElement) check(el, text.data, style, { ink: colour(style.color) });
        else {
            const points = boxes.flatMap((box) => [0.05, 0.5, 0.95].map((share) => [box.left + share * box.width, (box.top + box.bottom) / 2]));
            check(el, text.data, style, { ink: faded(colour(style.fill), style.fillOpacity), points });
        }
    }
    for (const el of document.body.querySelectorAll("*")) {
        if (!shown(el)) continue;
        const style = getComputedStyle(el);
        if (el.tagName === "MJX-CONTAINER") check(el, "mathematics", style, { ink: colour(style.color) });
        if (el.matches("select, textarea, input:not([type=range], [type=checkbox], [type=radio], [type=hidden])")) {
            const empty = "value" in el && !el.value;
            const own = empty ? getComputedStyle(el, "::placeholder") : style;
            const words = empty ? el.placeholder : el.value;
            if (words && el.getClientRects().length) check(el, words, style, { ink: faded(colour(own.color), empty ? own.opacity : 1) });
        }
        for (const which of ["::before", "::after"]) {
            const own = getComputedStyle(el, which);
            const words = /^(none|normal)$/.test(own.content) ? "" : own.content.replace(/^"|"$/g, "");
            // an icon is no text, and the letters of mathematics are its element's
            if (!/[\p{L}\p{N}\p{P}]/u.test(words) || own.display === "none" || own.visibility !== "visible") continue;
            if (!el.getClientRects().length || own.opacity === "0" || el.closest("mjx-container")) continue;
            check(el, words, own, { ink: faded(colour(own.color), own.opacity), layers: [faded(painted(own), own.opacity)] });
        }
    }
    return { checked, wanting: [...new Set(wanting)] };
}
