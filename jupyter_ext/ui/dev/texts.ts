export const ANSWER = `The column is called \`Price\`, with a capital letter: pandas compares labels exactly, so \`df['price']\` finds nothing.

Three ways out:

1. Use the label as it is: \`df["Price"]\`
2. Make all labels lower case, **once**, where the file is read
3. Ask for it safely, and get \`None\` where it is missing

\`\`\`python
import pandas as pd

df = pd.read_csv("sales.csv")
df.columns = df.columns.str.lower()  # once, at the source
print(f"{df['price'].mean():.2f} over {len(df)} rows")
\`\`\`

| month | rows | mean |
| --- | ---: | ---: |
| January | 1,204 | 18.20 |
| February | 1,180 | 19.75 |

See [the guide to indexing](https://pandas.pydata.org/docs/user_guide/indexing.html), and mind that <b>raw HTML</b> is shown as text. ![a chart](https://example.org/track.png)

> A label that differs in one letter is another label.
`;

export const LONG = Array.from({ length: 40 }, () => ANSWER).join("\n");

export const FORMULAS = String.raw`The mean \(\bar x = \frac{1}{n} \sum_{i=1}^n x_i\) costs $5, and $\hat\sigma^2$ is its variance:

$$
\hat\sigma^2 = \frac{1}{n-1} \sum_{i=1}^{n} (x_i - \bar x)^2, \qquad
\int_{-\infty}^{\infty} e^{-x^2}\,dx = \sqrt{\pi}
$$

\[
\begin{align}
f(x) &= \begin{cases} x^2 & \text{if } x \ge 0 \\ -x & \text{otherwise} \end{cases} \\
A &= \begin{pmatrix} a_{11} & a_{12} \\ a_{21} & a_{22} \end{pmatrix}
\end{align}
\]

$$e^x = 1 + x + \frac{x^2}{2!} + \frac{x^3}{3!} + \frac{x^4}{4!} + \frac{x^5}{5!} + \frac{x^6}{6!} + \frac{x^7}{7!} + \frac{x^8}{8!} + \frac{x^9}{9!} + \cdots$$

- crossed out \(\cancel{x}\), \(\overline{AB}\), \(\widehat{abc}\), \(\vec v\), \(\color{red}{red}\), \(\boxed{E = mc^2}\)
- a long one in a line \(a_1 + a_2 + a_3 + a_4 + a_5 + a_6 + a_7 + a_8 + a_9 + a_{10} + a_{11} + a_{12} = \sum_{i=1}^{12} a_i\), which breaks
- not TeX: \(\frac{x\), \(\href{https://evil.example}{x}\)

| symbol | meaning |
| --- | --- |
| $\mu$ | the mean |
| $\mathbb{R}^n$ | $n$ real numbers |
`;
