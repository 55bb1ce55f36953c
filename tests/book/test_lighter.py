"""Style sheets lose what no page uses, and nothing else."""

import pytest

from recall_learn.book.lighter import classes, lighter


@pytest.mark.parametrize(
    ("css", "left"),
    [
        (".on{a:1}.off{a:2}", ".on{a:1}"),
        (".on , .off.on, .off{a:1}", ".on{a:1}"),
        ("p.on > i,[data-off]{a:1}", "p.on > i,[data-off]{a:1}"),
        (".on:not(.off){a:1}", ".on:not(.off){a:1}"),
        (":is(.off, .on) p,.off:is(p){a:1}", ":is(.off, .on) p{a:1}"),
        ("@media (min-width:1px){.off{a:1}.on{a:2}}@media print{.off{a:1}}", "@media (min-width:1px){.on{a:2}}"),
        ('@charset "UTF-8";.on{a:1}', '@charset "UTF-8";.on{a:1}'),
        (
            "@font-face{src:url(off.woff2)}@keyframes off{0%{a:1}}",
            "@font-face{src:url(off.woff2)}@keyframes off{0%{a:1}}",
        ),
        ('.on{content:"}.off{"}.off{a:"{"}', '.on{content:"}.off{"}'),
        (".on{a:url(data:image/svg+xml;x={)}.off{a:1}", ".on{a:url(data:image/svg+xml;x={)}"),
        ("/*! by them */.off{a:1}/* of .on { */.on{a:1}", "/*! by them */.on{a:1}"),
        (".made-here{a:1}.made{a:2}", ".made-here{a:1}"),
        (r".w-1\/2{a:1}.off{}", r".w-1\/2{a:1}"),
    ],
)
def test_a_rule_stays_when_all_that_it_asks_for_is_there(css, left):
    assert lighter(css, {"on", "made-", "w-1/2"}) == left


def test_classes_are_those_of_the_pages_and_the_words_of_the_scripts():
    pages = ['<p class="a b-c">off</p>', '<i class="d-"></i>']
    assert classes(pages, ["el.classList.add('shown'); `tip-${where}`"]) >= {"a", "b-c", "d", "shown", "tip-"}
    assert not classes(pages, []) & {"off", "p", "d-", "-"}
