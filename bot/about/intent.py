"""Is a question about the bot it is put to? Its words, and questions that are.

Knows English questions; knows no document, and how near two questions are is for others to say.
"""

from __future__ import annotations

import re

# Who is spoken to, or of.
BOT = re.compile(
    r"\b(?:you|your|yours|yourself|whybot|(?:this|the) (?:chat ?)?bot|this (?:chat|assistant))\b",
    re.IGNORECASE,
)
# Where "you" is anybody, or belongs to a polite request or an order. It takes out the phrase
# alone: another "you" of the question still counts.
ANYBODY = re.compile(
    r"\b(?:can|could|would|will) you (?:please |kindly |also |just |briefly )*(?:tell|explain"
    r"|describe|compare|contrast|give|show|list|name|define|summari[sz]e|translate|write|help"
    r"|elaborate|clarify|provide|suggest|recommend|advise|outline|repeat|rephrase|remind|say"
    r"|mind)\b"
    r"|\bdo you (?:know|think|mean|understand|suppose) (?:what|who|which|how|if|whether|when|where"
    r"|why|by|of|about|that|is|are)\b"
    r"|\bdo you (?:mean|mind|think|make of)\b"
    r"|\b(?:should|would|might|may|shall) you\b|\byou (?:should|would|must|may|might|have to)\b"
    r"|\b(?:if|unless|once|whenever|as|than) you\b"
    r"|\b(?:tell|tells|gives|shows|helps|lets|allows|gets|costs|thank) you\b"
    r"|\b(?:in|from|by|according to) your (?:\w+ )?(?:documents?|sources?|files?|passages?)\b"
    r"|\b(?:do|does|did) your (?:\w+ )?(?:documents?|sources?|files?|passages?)"
    r" (?:say|tell|state|mention|contain|describe|claim)\b"
    r"|\bin your (?:own words|opinion|view)\b|\bexplain your answer\b|\byou are now\b",
    re.IGNORECASE,
)
# An order is no question: what it is after is not to be found anywhere.
ORDER = re.compile(
    r"^\W*(?:please )?(?:print|ignore|forget|disregard|pretend|act|output|reveal|say)\b",
    re.IGNORECASE,
)
# Here "you" may be the bot as well as anybody.
EITHER = re.compile(r"\b(?:how|why|when|where) (?:do|can) you\b", re.IGNORECASE)

# How people ask about a bot: a question has to come near to one of these, or of the document's
# headings. In none of them is a value that the bot has.
ASKED = """\
What are you?
Who made you?
Are you ChatGPT?
What version are you?
What can you do?
Tell me about yourself
Are you running offline?
Do you send my data to the internet?
Is my data private with you?
Do you remember what I asked before?
Do you learn from our conversation?
Which language model do you run on?
How large is your model?
What is your context window?
How do you split my documents into chunks?
Do your chunks overlap?
Which documents do you have?
How many documents are in your index?
Where do you keep your index?
What kinds of files can you read?
Can you read PDFs?
What is your top-k?
How do you find the passages for an answer?
Do you use BM25?
Do you use a reranker?
How are your passages scored?
How do you answer questions?
What is your threshold for refusing?
Why do you say that the documents do not say?
How sure are you of your answers?
How do you check your answers?
Do you make things up?
Can I trust you?
What happens to sentences that you cannot support?
How accurate are you?
How fast are you?
Have you been tested?
What embedding model do you have?
when do you refuse?
What is Whybot?
Does Whybot send my documents anywhere?
How many documents have you read?
What file formats can you read?
Do you hallucinate?
How do you avoid hallucinations?
How do you find passages?
What LLM do you use?
What score does a passage need before you answer?
What happens to sentences you cannot support?
How do you work?
How accurate are your answers?
Have you been evaluated?
How do you cite sources?
Where do your citations come from?
Where is your index stored?
What is the threshold below which you refuse to answer?
What chunk size does this bot use?
Which model does this chatbot run on?
Why do you sometimes say that the documents do not say?
Can I trust your answers?
How do you split documents into chunks?
How do you handle follow-up questions?
How sure are you before you answer?
Is your model running offline?
what size are your chunks
how big are the pieces you cut documents into?
Into how many tokens do you cut the text?
what llm is behind you
Which AI model powers you?
What's the name of the model that you use?
which sentence embedding do you use
what turns my question into a vector in your case?
how many sources do you look at before answering?
How many chunks do you show to the model?
Is anything I type uploaded by you?
are you local or in the cloud?
Do you need an internet connection?
Under what circumstances won't you answer?
How do you know when you don't know something?
What probability do you need to answer?
When do you say the documents do not say?
how well does your search work?
How reliable is your retrieval?
What is your nDCG?
How good are you at finding passages?
have you been benchmarked?
how do you make sure that you are not hallucinating?
How do you verify what you write?
how many tokens can you handle?
what's your maximum answer length?
What is in your library?
where do you store the vectors?
Do you support Word documents?
What's your name?
What is this bot?
Which model does Whybot use?
What chunk size does Whybot use?
How does this chatbot decide that it does not know?
What is your similarity threshold?
How is your score computed?
Explain how you work
Could you tell me which model you are?
Can you tell me your chunk size?
What steps do you go through to answer?
Do you combine keyword search with vector search?
what is the sha256 of your model
how do you pick the passages
what configuration are you running with
Who built you?
Which company is behind you?
What is your purpose?
What can I ask you?
How much memory do you need?
Does anything leave my computer when I use you?
Do you keep my questions?
How many parameters does your model have?
What licence does your model have?
Which revision of the embedding model do you have?
How many chunks does your index have?
Which files have you indexed?
What is your score threshold?
What does your gate do?
What is your support threshold?
Why did you withhold a sentence?
What is your accuracy?
What is your recall?
How many questions have you been evaluated on?
Which search algorithm do you use?
How do you weigh BM25 and embeddings?
How do you rank the passages?
Describe your pipeline
List your settings
What does Whybot do?
Which embedding model does Whybot use?
How does Whybot check its answers?
How good is Whybot's retrieval?
When does this bot refuse to answer?
Name the LLM you are based on.
which weights are you running
What kind of AI are you?
are you gpt-4
Is there a language model inside you?
How finely do you chop up the documents?
Tell me your chunk length in tokens
How many snippets does your prompt contain?
How many text fragments do you retrieve per question?
what's your k
Do you call any external API?
Will my files stay on my computer if I use you?
Is your inference done locally?
What makes you say you don't know?
At what point do you give up on a question?
how confident must you be to reply?
What are the criteria by which you refuse?
Why didn't you answer my last question?
What quality does your search have?
Did anybody measure how well you retrieve?
What were your last evaluation results?
How do you prevent made-up facts?
Are your answers verified?
How do you decide which passage to cite?
What length of prompt fits into you?
How big is your index?
List the documents you have access to.
Which kinds of documents do you accept?
What similarity measure do you use?
Is your search semantic or keyword based?
What database holds your vectors?
What hash does your model file have?
Which version of Whybot is this?
Where does this chatbot keep its data?
How does this bot search?
Does Whybot use GPT?
What parameters are you set to?
Do you use overlapping chunks?
Do you have a memory of our chat?
how does your hybrid search combine scores?
What model powers this chat?
Which chat model answers me?
how do you split my files?
What is the maximum size of your chunks?
How many of my passages do you look at per answer?
Do you have a vector store, and which?
What encoder do you use for semantic search?
Do my documents leave this computer when you answer?
are you an online service
Why do you say you don't know so often?
Which rule makes you refuse?
What has to be true before you answer me?
How strict are you about unsupported claims?
How do you know that an answer is right?
What did your last evaluation say?
How well do you find the right passage?
Is your retrieval any good?
what is the sha of the weights you run
how much can you read at once
Will you take my earlier question into account?
What does your index contain?
Can you open a DOCX?
Do you rely on keywords or on meaning?
Who am I talking to? Are you a human?
What is your grounding setting?
How many threads do you use?
Does this bot use a reranker?
How does Whybot find its sources?
Are your citations reliable?
Do you train on my data?
Do you use my data for training?
Which external services do you call?
""".splitlines()


def speaks_to_bot(question: str) -> bool:
    """Tell whether a question speaks to or of the bot, and not to anybody."""
    return not ORDER.search(question) and bool(BOT.search(ANYBODY.sub(" ", question)))


def surely(question: str) -> bool:
    """Tell whether there is more to that than "how do you", which may be anybody's."""
    return speaks_to_bot(EITHER.sub(" ", question))
