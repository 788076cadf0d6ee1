import { html } from './html';

it('escapes every value, but not templates and lists of them', () => {
  const items = ['<script>', '"&\''].map((item) => html`<b>${item}</b>`);
  expect(html`<p title="${'a"b'}">${items}${undefined}${3}</p>`.text).toBe(
    '<p title="a&quot;b"><b>&lt;script&gt;</b><b>&quot;&amp;&#39;</b>3</p>',
  );
});
