"""What a browser shows, as text: lists, tables, code, raised figures, formulas, furniture."""

from __future__ import annotations

import time

import pytest

from ingest.readers import html
from ingest.readers.content import Content
from ingest.readers.raised import raised


def page(markup: str) -> Content:
    return html.read(markup.encode())


def titles(markup: str) -> list[str]:
    return [heading.title for heading in page(markup).headings]


def test_a_bad_byte_a_nul_and_a_label_of_no_charset_lose_no_page() -> None:
    content = html.read(
        b"<meta charset=utf-8><h1>Tolls</h1><p>A lorry pays 12 crowns.<img alt='Br\xfccke'>"
    )
    assert content.text == "Tolls\n\nA lorry pays 12 crowns."
    assert content.remarks == (
        "1 byte that is not UTF-8 became \ufffd",
        "1 picture without text",
    )
    content = html.read(b"<h1>Tolls</h1><p>A lorry\0 pays 12 crowns at the bridge.")
    assert content.text == "Tolls\n\nA lorry pays 12 crowns at the bridge."
    for label in ("undefined", "utf-7", "x-user-defined", "replacement"):
        assert html.read(f"<meta charset='{label}'><p>+2AA- &#xD800; ä".encode()).text.startswith(
            "+2AA-"
        )


@pytest.mark.parametrize(
    ("markup", "title"),
    [
        ("<h1>Yearly<br>Tide Table</h1>", "Yearly Tide Table"),
        ("<h2><span>7</span><br/><span>Harbours</span></h2>", "7 Harbours"),
        ("<h2><div>Part</div><div>Two</div></h2>", "Part Two"),
        (
            '<h2>Trade<span class="mw-editsection">[<a>edit</a> | <a>source</a>]</span></h2>',
            "Trade",
        ),
        ('<h2>Set up<a class="hash-link" href="#s">#</a></h2>', "Set up"),
        ('<h2>Set up <a href="#s">#</a></h2>', "Set up"),
        ('<h3>New<a class="anchor-link" href="#n">¶</a></h3>', "New"),
        ('<h3><a href="#s">§</a> 4 Scope</h3>', "4 Scope"),
        ('<h3><a class="anchor" aria-hidden="true" href="#a">link</a>Ports</h3>', "Ports"),
        ('<h3>Ports<a class="header-anchor" aria-label="x">\u200b</a></h3>', "Ports"),
        ("<h3>Ports<button>Copy link</button></h3>", "Ports"),
        ('<h2>Ports<span>[<a href="/e">edit</a>]</span></h2>', "Ports"),
        ('<h2><a class="header-anchor" href="#v"><span>Whole</span></a></h2>', "Whole"),
        ('<h2><a class="header" href="#m">Whole</a></h2>', "Whole"),
        ("<h2>C# and F#</h2>", "C# and F#"),
        ("<h2><a>edit</a></h2>", "edit"),
        ("<h2>§ 5 Fees</h2>", "§ 5 Fees"),
        ("<h2>Trait Ord <button>Copy item path</button></h2>", "Trait Ord"),
        (
            '<h2><a class="permalink" href="/p">Fees 2023</a> <small>by Ann</small></h2>',
            "Fees 2023 by Ann",
        ),
        (
            '<h2>Gebühren<a class="headerlink" href="#g">Link zu dieser Überschrift</a></h2>',
            "Gebühren",
        ),
        ("<h2>10<sup>6</sup> fish</h2>", "10^6 fish"),
        ('<div role="heading" aria-level="3">Ports</div>', "Ports"),
    ],
)
def test_headings_hold_words_only(markup: str, title: str) -> None:
    assert titles(markup) == [title]


def test_a_heading_without_an_end_does_not_hold_the_page() -> None:
    content = page("<h1>Ports<div><p>One.</p><h2>Trade</h2><table><tr><th>a<th>b</table></div>")
    assert [heading.title for heading in content.headings] == ["Ports", "Trade"]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("It holds 10<sup>6</sup> fish", "It holds 10^6 fish"),
        ("3.5·10<sup>−3</sup>", "3.5·10^-3"),
        ("80 km<sup>2</sup>, 2 m<sup>3</sup>/s", "80 km^2, 2 m^3/s"),
        ("5 in<sup>2</sup>", "5 in^2"),
        ("W·m<sup>-2</sup>·K<sup>-1</sup>", "W·m^-2·K^-1"),
        ("E = mc<sup>2</sup>, x<sup>n</sup>, 2<sup>n</sup>", "E = mc^2, x^n, 2^n"),
        ("(a+b)<sup>2</sup>", "(a+b)^2"),
        ("Ca<sup>2+</sup> and SO<sub>4</sub><sup>2-</sup>", "Ca^2+ and SO4^2-"),
        ("founded<sup>3</sup> in 1962", "founded [3] in 1962"),
        ("founded in 1962<sup>3</sup>.", "founded in 1962 [3]."),
        ('of 40<sup><a href="#fn2">2</a></sup>', "of 40 [2]"),
        ("in the war.<sup>12</sup>", "in the war. [12]"),
        ('10 crews<a href="#fn1" role="doc-noteref"><sup>1</sup></a> came', "10 crews [1] came"),
        ('the year 10<a href="#fn1"><sup>1</sup></a>', "the year 10 [1]"),
        ('a note <a href="#r1" class="footnote-back">↩︎</a>', "a note"),
        ('from <span class="pagenum">[Pg 12]</span>here', "from here"),
        ("one<o:p></o:p> line", "one line"),
        ("(see there)<sup>7</sup>", "(see there) [7]"),
        ("40<sup>a</sup>", "40 [a]"),
        ("x<sub>i</sub><sup>2</sup>", "xi^2"),
        ("the page<sup>1,2</sup> says", "the page [1,2] says"),
        ("€5<sup>99</sup> each", "€5.99 each"),
        ("99<sup>*</sup>", "99*"),
        (
            'Built<sup class="reference"><a href="#c"><span>[</span>3<span>]</span></a></sup>',
            "Built[3]",
        ),
        ("the 19<sup>th</sup> and 2<sup>nd</sup>", "the 19th and 2nd"),
        ("M<sup>me</sup> Roy", "Mme Roy"),
        ("Brand<sup>TM</sup>", "Brand™"),
        ("<sup>14</sup>C is old", "14C is old"),
        ("<sup>1</sup> See page 4.", "[1] See page 4."),
        ("2<sup>1</sup>/<sub>4</sub> cups", "2 1/4 cups"),
        ("H<sub>2</sub>O", "H2O"),
        ('10<span style="vertical-align: super">4</span>', "10^4"),
        ("40 EUR <del>50 EUR</del> <s>60</s>", "40 EUR ~~50 EUR~~ ~~60~~"),
        ('<span style="text-decoration: line-through"> old <b>b</b> </span>new', "~~old b~~ new"),
        ("He said <q>no</q>.", "He said “no”."),
        ("co\xadoper\u200bate", "cooperate"),
    ],
)
def test_figures_and_words_stay_what_they_are(markup: str, text: str) -> None:
    assert page(f"<p>{markup}").text == text


def test_a_raised_figure_needs_no_page() -> None:
    assert raised("10", "6") == "^6"
    assert raised("word", "") == ""


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ('<ol start="3"><li>Open<li value="7">Close<li>End</ol>', "3. Open\n7. Close\n8. End"),
        ("<ol type=a start=26><li>x<li>y</ol>", "z. x\naa. y"),
        ("<ol type=I start=3><li>x<li>y</ol>", "III. x\nIV. y"),
        ('<ol style="list-style-type: lower-roman"><li>x</ol>', "i. x"),
        ("<ol reversed><li>x<li>y</ol>", "2. x\n1. y"),
        ("<ul><li>a<ol><li>b<ul><li>c</ul></ol><li>d</ul>", "- a\n  1. b\n    - c\n- d"),
        ("<ul><li><p>a</p><p>more</p><li>b<br>c</ul>", "- a\n  more\n- b\n  c"),
        ("<ul><li>a</ul><ol><li>b</ol>", "- a\n\n1. b"),
        ("<ol><li><h3>Oil</h3><p>Top up.</ol>", "1. Oil\n\n  Top up."),
    ],
)
def test_lists_keep_their_numbers_and_levels(markup: str, text: str) -> None:
    assert page(markup).text == text


def test_definitions_stand_on_a_line_with_their_terms() -> None:
    assert page(
        "<dl><dt>Deposit<dd>50<dt>Open:<dd>9 to 17<dd>not on Mondays"
        "<dt>A<dt>B<dd>both<dt>When?<dd>Soon.<dt>Alone</dl>"
    ).text == ("Deposit: 50\nOpen: 9 to 17\nOpen: not on Mondays\nA, B: both\nWhen? Soon.\n\nAlone")


def rows(markup: str) -> list[str]:
    return page(markup).text.split("\n")


def test_each_cell_stands_under_all_its_heads() -> None:
    assert rows(
        "<table><caption>Catch in tons</caption><tr><th rowspan=2>Port<th colspan=2>1998"
        "<th colspan=2>1999<tr><th>cod<th>eel<th>cod<th>eel"
        "<tr><th rowspan=2>Skagen<td>31<td>4<td>29<td>5<tr><td>1<td colspan=3>none</table>"
    ) == [
        "Catch in tons",
        "",
        "| Port | 1998 cod | 1998 eel | 1999 cod | 1999 eel |",
        "| --- | --- | --- | --- | --- |",
        "| Skagen | 31 | 4 | 29 | 5 |",
        "| Skagen | 1 | none | none | none |",
    ]


@pytest.mark.parametrize(
    ("markup", "lines"),
    [
        (
            "<thead><tr><td>Fish<td>Price<tbody><tr><td>cod<td>4",
            ["| Fish | Price |", "| --- | --- |", "| cod | 4 |"],
        ),
        (
            "<tr><td><b>Fish</b><td><b>Sea</b><tr><td>cod<td>north",
            ["| Fish | Sea |", "| --- | --- |", "| cod | north |"],
        ),
        (
            "<tr><td>Fish<td>Price<tr><td>cod<td>4<tr><td>eel<td>9",
            ["| Fish | Price |", "| --- | --- |", "| cod | 4 |", "| eel | 9 |"],
        ),
        ("<tr><td>Name:<td>Ann<tr><td>Born:<td>1950", ["| Name: | Ann |", "| Born: | 1950 |"]),
        ("<tr><th>Name<td>Ann<tr><th>Born<td>1950", ["| Name | Ann |", "| Born | 1950 |"]),
        (
            "<tr><th colspan=2>Skagen<tr><th>Land<td>Denmark<tr><th>Boats<td>40",
            ["Skagen", "", "| Land | Denmark |", "| Boats | 40 |"],
        ),
        (
            "<tr><th>a<th>b<tr><th colspan=2>North<tr><td>1<td>2",
            ["| a | b |", "| --- | --- |", "| North |  |", "| 1 | 2 |"],
        ),
        (
            "<tfoot><tr><td>sum<td>3</tfoot><tr><th>a<th>b<tr><td>1<td>2",
            ["| a | b |", "| --- | --- |", "| 1 | 2 |", "| sum | 3 |"],
        ),
        (
            "<tr><th>a<th>b<tr><td>x<table><tr><td>p<td>q<tr><td>r</table><td>y",
            ["| a | b |", "| --- | --- |", "| x; p, q; r | y |"],
        ),
        (
            "<tr><th>a<th>b<tr><td><ul><li>p<li>q</ul><td>1<br>2",
            ["| a | b |", "| --- | --- |", "| p; q | 1 2 |"],
        ),
        ("<tr><td>x<td rowspan=0>y<tr><td>z<tr><td>w", ["| x | y |", "| z | y |", "| w | y |"]),
        ("<tr><td colspan=99>x<tr><td>z<td>w", ["x", "", "| z | w |"]),
    ],
)
def test_kinds_of_tables(markup: str, lines: list[str]) -> None:
    assert rows(f"<table>{markup}</table>") == lines


def test_spans_do_not_fill_the_memory() -> None:
    cells = "<tr>" + "<td colspan=1000 rowspan=65000>x" * 20
    started = time.process_time()
    assert len(page(f"<table><tr><th>a<th>b{cells * 300}</table>").text) < 5_000_000
    assert time.process_time() - started < 5


CODE = "def toll(axles):\n    if axles > 2:\n        return 9"
LINES = CODE.replace(">", "&gt;").split("\n")


@pytest.mark.parametrize(
    "markup",
    [
        "<table><tr><td><pre>1\n2\n3</pre><td><pre>{code}</pre></table>",
        '<table class="rouge-table"><tr><td class="rouge-gutter gl"><pre class="lineno">1\n2\n3\n'
        '</pre></td><td class="rouge-code"><pre>{code}\n</pre></td></tr></table>',
        '<table class="highlighttable"><tr><td class="linenos"><div class="linenodiv"><pre>1\n2\n3'
        '</pre></div></td><td class="code"><div><pre>{code}</pre></div></td></tr></table>',
        '<table class="lntable"><tr><td class="lntd"><pre><code><span class="lnt">1\n</span>'
        '<span class="lnt">2\n</span></code></pre></td><td class="lntd"><pre>{code}</pre></table>',
        '<figure class="highlight"><table><tr><td class="gutter"><pre><span>1</span><br>2</pre>'
        '</td><td class="code"><pre>{broken}</pre></td></tr></table></figure>',
        "<table>{blob}</table>",
        '<table class="blob"><tr><td class="linenumbers"><pre><a>1</a>\n<a>2</a>\n<a>3</a></pre>'
        '</td><td class="lines"><pre><code>{code}</code></pre></td></tr></table>',
        '<table class="code"><thead><tr><th>Line<th></thead>{trac}</table>',
        "<table>{gitea}</table>",
        '<pre id="vimCodeElement">{vim}</pre>',
        '<div class="line-numbers"><a>1</a><a>2</a><a>3</a></div><pre>{code}</pre>',
        '<div class="fragment">{doxygen}</div>',
        '<pre><code><table class="hljs-ln">{hljs}</table></code></pre>',
        "<pre>{numbered}</pre>",
        '<pre><ol class="linenums">{items}</ol></pre>',
        "<pre><code>{spans}</code></pre>",
    ],
)
def test_code_comes_without_its_line_numbers(markup: str) -> None:
    each = list(enumerate(LINES, 1))
    filled = markup.format(
        code="\n".join(LINES),
        broken="<br>".join(LINES),
        blob="\n".join(
            f'<tr><td class="blob-num" data-line-number="{n}"></td>'
            f'<td class="blob-code blob-code-inner">{line}</td></tr>'
            for n, line in each
        ),
        hljs="".join(
            f'<tr><td class="hljs-ln-numbers">{n}</td><td class="hljs-ln-code">{line}</td></tr>'
            for n, line in each
        ),
        numbered="\n".join(f'<span class="lineno">{n} </span>{line}' for n, line in each),
        trac="".join(f'<tr><th id="L{n}"><a>{n}</a></th><td>{line}</td></tr>' for n, line in each),
        gitea="".join(
            f'<tr><td class="lines-num"><span data-line-number="{n}"></span></td>'
            f'<td class="lines-code chroma"><code>{line}</code></td></tr>'
            for n, line in each
        ),
        vim="\n".join(f'<span class="LineNr"> {n} </span>{line}' for n, line in each),
        doxygen="".join(
            f'<div class="line"><a name="l{n}"></a><span class="lineno">  {n}</span>{line}</div>\n'
            for n, line in each
        ),
        items="".join(f"<li>{line}</li>" for line in LINES),
        spans="".join(f'<span class="line">{line}</span>' for line in LINES),
    )
    assert page(f"<p>a</p>{filled}<p>b</p>").text == f"a\n\n{CODE}\n\nb"


def test_a_numbered_table_is_no_code_and_code_in_cells_keeps_its_lines() -> None:
    assert rows("<table><tr><td>1<td><code>ls</code><tr><td>2<td><code>cd</code></table>") == [
        "| 1 | ls |",
        "| 2 | cd |",
    ]
    assert (
        "if x:\n    y()"
        in page(
            "<table><tr><th>Old<th>New<tr><td><pre>if x:\n    y()</pre><td><pre>y()</pre></table>"
        ).text
    )


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ('<math alttext="{\\displaystyle E=mc^2}"><mi>E</mi></math>', "$E=mc^2$"),
        (
            '<span class="katex"><span class="katex-mathml"><math><mi>a</mi><annotation'
            ' encoding="application/x-tex">a^2</annotation></math></span>'
            '<span class="katex-html" aria-hidden="true">a2</span></span>',
            "$a^2$",
        ),
        (
            '<span class="MathJax_Preview"></span><span class="MathJax">glyphs</span>'
            '<script type="math/tex">x_1</script>',
            "$x_1$",
        ),
        (
            '<span class="mwe-math-element"><span class="mwe-math-mathml-inline"'
            ' style="display: none;"><math alttext="y"></math></span>'
            '<img class="mwe-math-fallback-image-inline" alt="y"></span>',
            "$y$",
        ),
        (
            "<math><msup><mi>x</mi><mn>2</mn></msup><mo>=</mo><mfrac><mn>1</mn><mi>y</mi></mfrac>",
            "$x^2 = 1/y$",
        ),
    ],
)
def test_formulas_are_written_once(markup: str, text: str) -> None:
    assert page(f"<p>{markup}").text == text


def test_only_plain_furniture_is_left_out_and_said() -> None:
    content = page(
        "<nav>Home</nav><div role=navigation>Next</div><div id=cookie-banner>We use cookies</div>"
        "<main><article><header><h1>Tides</h1></header><p>High at 4.<p hidden>spoiler"
        "<footer>By Ann</footer></article></main><aside>Wear boots.</aside><footer>Call 12</footer>"
        '<img src=a alt="Boats at the quay"><img src=b alt="IMG_1.jpg"><img width=1 src=c>'
        "<iframe src=x></iframe><details><summary>More</summary>Low at 10.</details>"
    )
    assert content.text == (
        "Tides\n\nHigh at 4.\n\nBy Ann\n\nWear boots.\n\nCall 12\n\n"
        "[picture: Boats at the quay]\n\nMore\n\nLow at 10."
    )
    assert content.remarks == (
        "1 cookie banner left out",
        "1 embedded page left out",
        "1 hidden part left out",
        "navigation left out",
        "1 picture without text",
    )


def test_a_page_of_navigation_alone_is_read() -> None:
    content = page("<nav><a>Tides</a></nav>")
    assert (content.text, content.remarks) == ("Tides", ())


def test_fields_keep_label_and_value() -> None:
    assert (
        page(
            "<form><label>Boat</label><input value='Ida'><br>"
            "<input type=checkbox checked> insured<br>"
            "<label>Size</label><select><option>S<option selected>M</select>"
            "<input type=hidden value=t>"
            "<br>Note <textarea>at noon</textarea></form>"
        ).text
        == "Boat: Ida\n[x] insured\nSize: M (2 choices: S, M)\nNote: at noon"
    )


@pytest.mark.parametrize(
    ("markup", "title", "date"),
    [
        ("<title>Tides | Port of Ystad</title><h1>Port of Ystad</h1><h2>Tides</h2>", "Tides", ""),
        ("<title>Tides | Port of Ystad</title><p>x", "Tides | Port of Ystad", ""),
        ("<title>Tides - Ystad</title><h1>Ystad</h1><h2>Low</h2>", "Ystad", ""),
        ("<title>Tides - Ystad</title><h1>High water</h1>", "High water", ""),
        ("<title>Untitled Document</title><p>x", "", ""),
        (
            '<meta property="article:published_time" content="2021-03-04T01:02Z"><h1>T',
            "T",
            "2021-03-04",
        ),
        ('<meta name="DC.Date" content="2021-3-4"><h1>T', "T", "2021-03-04"),
        ("<article><time datetime=2020-01-02>x</time><h1>T", "T", "2020-01-02"),
        (
            '<script type="application/ld+json">{"datePublished": "2019-05-06"}</script><h1>T',
            "T",
            "2019-05-06",
        ),
        ('<meta name=date content="2021-19-44"><h1>T', "T", ""),
    ],
)
def test_facts(markup: str, title: str, date: str) -> None:
    content = page(markup)
    assert (content.title, content.date) == (title, date)


def test_a_note_stands_behind_its_mark() -> None:
    assert page("<aside><span>[<a>1</a>]</span><p>Made in 1962.</p></aside>").text == (
        "[1] Made in 1962."
    )
    assert page("<p>[1]</p>").text == "[1]"


def test_version() -> None:
    assert page("<h1>T</h1><p>Replaces version 2</p>").version == "Replaces version 2"
    assert page("<h1>T</h1><p>Version: 2.1</p>").version == "2.1"


def test_xhtml_ends_elements_at_once() -> None:
    markup = (
        '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head>'
        '<title/><script src="x.js"/></head><body><p>a&nbsp;&amp;<a id="x"/> b</p></body></html>'
    )
    assert html.read_xhtml(markup.encode()).text == "a & b"
    assert html.read_xhtml(b"<p>no <b>XML").text == "no XML"
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><html><body>&b;y</body></html>'
    assert "aaaa" not in html.read_xhtml(bomb.encode()).text.replace('"aaaa"', "")


@pytest.mark.parametrize(
    "markup",
    [
        "<pre>" + "a<br>" * 50_000,
        "<ul><li>x" * 5000,
        "<ol><li>x" * 5000,
        "<table>" + "<tr><td><div>" * 3000 + "x",
        "<table><tr><td>x" * 3000,
        "<table><tr><th>x<td>" * 2000,
        "<dl><dd>x" * 5000,
        "<h1>x" * 5000,
        "<h1><div>x" * 3000,
        "<p>" + "x<sup>2</sup>" * 30_000,
        "<p>" + "<font><del>x" * 10_000,
        "<nav>" * 5000 + "x",
        "<div hidden><p>x" * 3000,
        "<pre><pre>x" * 3000,
        "<math><msup><mi>x" * 3000,
        "<sup>" * 5000 + "x",
        "<div>" * 40_000 + "</b>" * 40_000,
        '<span style="vertical-align: super">' * 5000 + "x",
        '<h2><span class="anchor">' + '<span class="anchor">' * 5000 + "x",
        "<table><tr><td><pre>1</pre>" * 1000 + "<td>x" * 1000,
        "<s>" * 5000 + "x",
        "<select><option>x" * 5000,
        "<svg><title>x" * 5000,
        "<table><tr><td><pre>a\nb" * 2000,
    ],
)
def test_reading_is_linear(markup: str) -> None:
    started = time.process_time()
    text = page(f"{markup}<p>the end").text
    assert time.process_time() - started < 4
    assert len(text) < 8 * len(markup)


def test_nothing_is_lost_in_the_deep() -> None:
    assert page("<div>" * 100_000 + "deep" + "</div>" * 100_000 + "after").text == "deep\n\nafter"


def test_a_trail_of_links_above_the_heading_is_left_out_and_said() -> None:
    page = (
        "<title>Millbeck | Questions</title><header><p>Home &raquo; Help &raquo; Questions</p>"
        "</header><h1>Questions</h1><p>A &raquo; B is no trail below it.</p>"
    )
    content = html.read(page.encode())
    assert content.text == "Questions\n\nA » B is no trail below it."
    assert content.title == "Questions"
    assert content.remarks == ("navigation left out",)
    quoted = html.read("<p>« Oui » dit-il.</p><h1>T</h1>".encode())
    assert quoted.text.startswith("« Oui »")


@pytest.mark.parametrize("tag", ["header", "main", "section", "article", "x-note"])
def test_a_page_that_opens_no_body_loses_nothing(tag: str) -> None:
    page = f"<title>T</title><meta charset=utf-8><{tag}><p>The fee is 40.</p></{tag}><h1>H</h1>"
    assert html.read(page.encode()).text == "The fee is 40.\n\nH"


def test_two_numbers_of_a_formula_stay_two() -> None:
    source = b"<p><math><mlongdiv><mn> 3 </mn><mn>435.3</mn><mn>1306</mn></mlongdiv></math></p>"
    assert "3 435.3 1306" in html.read(source).text
