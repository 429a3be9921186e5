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
